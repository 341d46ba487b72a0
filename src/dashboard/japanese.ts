import type { Texts } from './english.js'
import { utcSecond } from './utc.js'

export const japanese: Texts = {
  language: '日本語',
  otherLanguage: 'English',
  skipToContent: '本文へ移動',
  navigation: 'メインナビゲーション',
  rejections: '拒否されたイベント',
  system: 'システム',
  test: 'テスト',
  live: '本番',
  ledgerOf: (account) => `アカウント ${account}`,
  keyEnding: (lastFour) => `キー …${lastFour}`,
  readOnly: '読み取り専用',
  readOnlyHint: 'このキーは読み取り専用です。メーターの作成や変更には、シークレットキーでログインしてください。',
  liveStates: { connecting: '接続中…', live: '自動更新中', reconnecting: '再接続中…' },
  liveHint: '記録された内容は、すぐに画面に反映されます。',
  signOut: 'ログアウト',
  loading: '読み込み中…',
  retry: '再試行',
  failed: '処理できませんでした',
  unreachable: 'サービスに接続できません。サービスの稼働とネットワークを確認してから、再試行してください。',
  answeredByAnother: (status) =>
    `サービスではなく、途中のプロキシなどから応答がありました (ステータス ${status})。サービスの稼働と、プロキシからサービスへの接続を確認してから、再試行してください。`,
  tooMuch: (seconds) =>
    `サービスへの要求が多すぎます。${seconds === null ? 'しばらく' : `${seconds} 秒ほど`}待ってから、再試行してください。`,
  unavailable: (seconds) =>
    `サービスは現在この処理を実行できません。${seconds === null ? 'しばらく' : `${seconds} 秒ほど`}待ってから、再試行してください。解消しない場合は、「システム」ページで状態を確認してください。`,
  broken:
    'サービスの内部でエラーが発生しました。再試行しても解消しない場合は、次のリクエスト ID をサービスの管理者に伝えてください。ログに記録されています。',
  sessionOver: 'ログアウトしました。セッションが終了したか、キーが取り消されています。もう一度ログインしてください。',
  requestId: (id) => `リクエスト ${id}`,
  unknownPage: 'ページが見つかりません',
  backToMeters: 'メーター一覧に戻る',

  signIn: 'ログイン',
  signInIntro: 'メーターを作成し、集計された使用量と、その数値の理由を確認できます。',
  apiKey: 'API キー',
  apiKeyHint:
    'シークレットキー (sk_…) または読み取り用キー (rk_…)。表示するアカウントと、テストか本番かはキーで決まります。',
  apiKeyMissing: 'API キーを入力してください。',
  whereIsMyKey: 'キーの確認方法',
  keyHelp:
    'サービスの初回起動時にテスト用のキーが表示されます。サービスの管理者は、Meterbook のフォルダーで次のコマンドを実行すると、新しいキーを発行できます。',

  meters: 'メーター',
  createMeter: 'メーターを作成',
  search: 'メーターを検索',
  searchHint: 'メーター名またはイベント名',
  noMatch: (text) => `メーター名またはイベント名に「${text}」を含むメーターはありません。`,
  searchedFirst: (count) => `ほかにもメーターがあります。新しい順に ${count} 件を表示しています。`,
  noMeters: 'メーターはまだありません',
  noMetersHint:
    'メーターは、集計するイベントとその集計方法を定めます。メーターを作成したら、次のように使用量を送信します。',
  noMetersReadOnly: 'シークレットキーでメーターが作成されると、ここに表示されます。',
  columnName: 'メーター',
  columnEventName: 'イベント名',
  columnFormula: '集計方法',
  columnIngestion: 'イベントの取り込み',
  columnStatus: 'ステータス',
  columnActivity: '1 時間ごとのイベント',
  columnLastHour: '直近 1 時間',
  columnLastDay: '直近 1 日',
  activityLabel: (count, most) => `24 時間に受信したイベント ${count} 件 (1 時間あたり最大 ${most} 件)`,
  columnCreated: '作成日時 (UTC)',
  active: '有効',
  inactive: '無効',

  meterName: 'メーター名',
  meterNameHint: '表示用の名前です。後から変更できます。',
  eventName: 'イベント名',
  eventNameHint: 'プログラムが event_name として送信する名前です。有効なメーター 1 つだけが使用できます。',
  aggregation: '集計方法',
  formulas: { sum: '合計', count: '件数', last: '最後' },
  formulaHints: {
    sum: 'すべてのイベントの値を合計します。',
    count: 'イベントの件数を数えます。値は使用しません。',
    last: '最も新しいイベントの値を使用します。',
  },
  advanced: '詳細設定',
  ingestion: 'イベントの取り込み',
  ingestions: { raw: '未加工', hour: '毎時', day: '毎日' },
  ingestionHints: {
    raw: 'すべてのイベントを集計します。',
    hour: '1 時間 (UTC) ごとに、最後に受信したイベントだけを集計します。',
    day: '1 日 (UTC) ごとに、最後に受信したイベントだけを集計します。',
  },
  valueKey: '使用量のキー',
  valueKeyHint: '使用量を保持するペイロードキー。',
  customerKey: '顧客のキー',
  customerKeyHint: '顧客を保持するペイロードキー。',
  dimensions: 'ディメンション',
  dimensionsHint:
    '使用量の絞り込みとグループ化に使うペイロードキーを、コンマで区切って入力します。すべてのイベントに必要になります。',
  permanent: '後から変更できるのはメーター名だけです。作成する前に、プレビューで確認してください。',
  creating: '作成中…',
  cancel: 'キャンセル',
  close: '閉じる',
  actions: '操作',
  scrollsSideways: 'この表は横にスクロールできます ↔',
  copy: 'コピー',
  copyOf: (name) => `コピー: ${name}`,
  copied: 'コピーしました',
  selected: '選択しました。キーボードでコピーしてください',

  preview: 'プレビュー',
  samples: 'サンプルイベント',
  recorded: '記録済みのイベント',
  samplesIntro: '受信した順に並びます。ここでの内容は保存されません。',
  sample: (number) => `イベント ${number}`,
  identifier: '識別子',
  customer: '顧客',
  time: '日時 (UTC)',
  value: '使用量',
  addSample: 'イベントを追加',
  removeSample: (number) => `イベント ${number} を削除`,
  receiveEarlier: (number) => `イベント ${number} を先に受信`,
  receiveLater: (number) => `イベント ${number} を後に受信`,
  totals: '使用量',
  total: '合計',
  window: '期間 (UTC)',
  byWindow: '単位',
  windows: { hour: '時間', day: '日' },
  noUsage: '集計されるイベントはありません。',
  fates: {
    counted: '集計済み',
    overwritten: '上書き',
    not_last: '最後ではない',
    cancelled: 'キャンセル済み',
    outside: '期間外',
    duplicate: '重複',
    refused: '拒否',
  },
  fateReason: (fate, contribution) => {
    switch (fate.code) {
      case 'counted':
        return `合計に ${contribution} を加えます。`
      case 'overwritten':
        return `同じ ${fate.window === 'hour' ? '1 時間' : '1 日'}のうちに${fate.hasDimensions ? '同じディメンションの' : ''} ${fate.by} が後から受信されたため、そちらだけが集計されます。`
      case 'not_last':
        return `${fate.by} のほうが新しいため、そちらの値が使用されます。`
      case 'cancelled':
        return `${utcSecond(fate.at)} にキャンセルされました。`
      case 'outside':
        return '期間外のイベントです。'
      case 'duplicate':
        return `識別子 ${fate.by} の同じイベントを受信済みです。1 回だけ集計されます。`
      case 'refused':
        return japanese.refusals[fate.error] ?? fate.message
    }
  },
  recordedIntro: '過去 30 日間にこのイベント名で記録されたイベントを、このメーターで集計した結果です。',
  recordedNeedsName: '先にイベント名を入力してください。',
  tryOnRecorded: '記録済みのイベントで試す',
  changedSince: '設定が変更されました。再試行すると、新しい設定の結果が表示されます。',
  incomplete: (at) => `イベントが多いため、プレビューは ${at} までです。`,
  moreCustomers: '一部の顧客だけを表示しています。',
  refusalsOfRecorded: '拒否されるイベント',
  refusalCount: (count, identifier) => `${count} 件 (例: ${identifier})`,
  settingsWrong: 'この設定では試せません。次の点を修正してください。',
  refusals: {
    unauthenticated:
      'この API キーは、このサービスの有効なキーではありません。キーを確認するか、サービスの管理者に発行を依頼してください。',
    more_permissions_required: 'このキーではこの操作を実行できません。シークレットキーでログインしてください。',
    forbidden:
      '変更できるのは、このサービスのページからだけです。ページを再読み込みしてください。解消しない場合は、プロキシが Host ヘッダーを渡しているか確認してください。',
    lock_timeout: '同じ対象がほかから同時に変更されました。再試行してください。',
    cancellation_window_passed: 'キャンセルできるのは、受信後 24 時間以内です。',
    resource_missing: '見つかりません。ID を確認してください。',
    rebuild_running: '別の再構築を実行中です。完了してから、もう一度開始してください。',
    audit_running: '別の監査を実行中です。完了してから、もう一度開始してください。',
    archived_meter: 'このイベント名のメーターは無効です。有効にしてから、もう一度送信してください。',
    duplicate_meter_event: 'この識別子は、内容の異なる別のイベントで使用されています。',
    event_name_taken: 'このイベント名は、有効な別のメーターで使用されています。別の名前を選んでください。',
    resource_already_exists: 'このイベント名は、有効な別のメーターで使用されています。別の名前を選んでください。',
    meter_event_customer_not_found: '顧客が見つかりません。',
    meter_event_dimension_count_too_high: 'ペイロードのキーが多すぎます。',
    meter_event_invalid_value: '使用量は、25、-4、0.5 のような数値で指定してください。',
    meter_event_no_customer_defined: 'ペイロードに顧客がありません。',
    meter_event_value_too_many_digits: '使用量は、15 桁以内、小数点以下 15 桁以内で指定してください。',
    missing_dimension_payload_keys: 'ペイロードに、メーターのディメンションがすべて必要です。',
    no_meter: 'このイベント名の有効なメーターがありません。メーターを作成してから、もう一度送信してください。',
    parameter_invalid_empty: '入力してください。空白だけの値は使用できません。',
    parameter_too_long: '長すぎます。短くしてください。',
    timestamp_in_future: '日時は、受信時刻の 5 分後までにしてください。',
    timestamp_too_far_in_past: '日時は、過去 35 日以内にしてください。',
  },
  refusalsOf: {
    'more_permissions_required api_key':
      '取り込み用 (ingest) のキーは使用量の送信専用で、表示には使用できません。シークレットキーまたは読み取り用キーでログインしてください。',
    'parameter_invalid as_of': '表示する時点には、現在より前の日時を指定してください。',
    'parameter_invalid timestamp[lt]': '終了には、開始より後の日時を指定してください。',
    'parameter_invalid end_time':
      '一度に集計する量が多すぎます。期間を短くするか、顧客を 1 件に絞るか、1 日単位にしてください。',
    'parameter_invalid dimension_filters':
      'この顧客はディメンションの組み合わせが多すぎるため、まとめて内訳を表示できません。グループを選択してください。',
    'parameter_invalid dimension_group_by_keys': 'グループが多すぎます。別のディメンションを選択してください。',
    'parameter_invalid created': '件数が多すぎて数えられません。メーターを選択するか、期間を短くしてください。',
    'parameter_invalid value_settings[event_payload_key]':
      '使用量のキーと顧客のキーには、異なるキーを指定してください。',
    'parameter_invalid dimension_payload_keys':
      'ディメンションには、互いに異なり、使用量や顧客のキーとも異なるキーを 10 個まで指定してください。',
  },
}
