/** What is said where a page, or a part of it, cannot be shown, and at the end of a printed one. */
const en = {
  missing: 'This part of the page could not be loaded',
  unreachable:
    'The service could not be reached. It is tried again by itself; if this stays, check that the service runs and that you are connected.',
  replaced: 'The service has been updated since this page was opened. Reload the page to go on with the new version.',
  incomplete: 'The service answers, but did not send it. It is tried again by itself; if this stays, reload the page.',
  refused:
    'The service answers, but the browser did not load it again. Reload the page to go on; what was typed here and not saved is lost then.',
  reload: 'Reload the page',
  broken: 'This page could not be shown',
  brokenHint:
    'This is a mistake in the dashboard: nothing that was recorded is touched by it. Try again or reload the page; if it stays, tell whoever runs the service what stands below.',
  printedAt: (time: string) => `printed at ${time} UTC`,
}

const ja: typeof en = {
  missing: 'このページの一部を読み込めませんでした',
  unreachable:
    'サービスに接続できません。自動的に再試行しています。この状態が続く場合は、サービスが起動していることと、ネットワークの接続を確認してください。',
  replaced:
    'このページを開いた後に、サービスが更新されました。ページを再読み込みして、新しいバージョンを表示してください。',
  incomplete:
    'サービスは応答していますが、必要なファイルが送られてきません。自動的に再試行しています。この状態が続く場合は、ページを再読み込みしてください。',
  refused:
    'サービスは応答していますが、ブラウザーが再び読み込めませんでした。ページを再読み込みしてください。入力してまだ保存していない内容は失われます。',
  reload: 'ページを再読み込み',
  broken: 'このページを表示できませんでした',
  brokenHint:
    'ダッシュボードの不具合です。記録されたデータには影響ありません。再試行するか、ページを再読み込みしてください。解決しない場合は、次の内容をサービスの管理者に伝えてください。',
  printedAt: (time) => `印刷日時: ${time} UTC`,
}

export const loadingTexts = { en, ja }
