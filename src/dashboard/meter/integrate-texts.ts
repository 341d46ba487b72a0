/** What the Integrate tab says. */
import type { SnippetClient } from './snippets.js'

const en = {
  intro: 'Report usage from your programs with any Stripe client. Copy, put your key in, and run.',
  inactive: 'This meter is inactive: it refuses events until it is reactivated.',
  example: 'Your example',
  exampleHint: 'What you enter here is written into the snippets.',
  clients: { curl: 'curl', node: 'Node.js', cli: 'Stripe CLI' } satisfies Record<SnippetClient, string>,
  clientList: 'Client',
  keyStep: '1. Your key',
  keyHint:
    'The secret key you signed in with; for programs that only report usage a key with the role ingest is enough.',
  sendStep: '2. Send an event',
  sendHints: {
    curl: 'An identifier of your own (the parameter identifier) makes it safe to send an event again: it counts once.',
    node: 'After npm install stripe, save it as send.mjs and run node send.mjs. An identifier of your own makes it safe to send an event again: it counts once.',
    cli: 'An identifier of your own (--identifier …) makes it safe to send an event again: it counts once.',
  } satisfies Record<SnippetClient, string>,
  json: 'A payload key of this meter has brackets, which the forms of /v1 cannot carry: this is /v2, which takes JSON.',
  readStep: '3. Read the usage of today',
  readHints: {
    curl: 'aggregated_value is the usage of the customer in the current UTC day.',
    node: 'Save it as read.mjs and run node read.mjs. It prints the usage of the customer in the current UTC day.',
    cli: 'aggregated_value is the usage of the customer in the current UTC day.',
  } satisfies Record<SnippetClient, string>,
  noPath:
    'This page stands under a path, and the stripe package and the Stripe CLI speak only to addresses without one. Use curl, or open the service under a host or port of its own.',
  cliCannot:
    'The Stripe CLI speaks only to http://127.0.0.1, and sends no payload key that contains =, [ or ]. On the machine that runs the service, open this page under that address for the commands, or use another client.',
  arrivals: 'Arrivals',
  waiting: 'No event has arrived yet. As soon as one does, it is shown here.',
  arrived: (identifier: string, customer: string, value: string | null, at: string) =>
    `The latest event arrived at ${at} UTC: ${identifier}, of ${customer}${value === null ? '' : `, ${value}`}.`,
  seeEvents: 'See all events',
}

const ja: typeof en = {
  intro: 'Stripe のクライアントで、プログラムから使用量を送信できます。コピーしてキーを設定し、実行してください。',
  inactive: 'このメーターは無効です。再び有効にするまで、イベントは拒否されます。',
  example: '例',
  exampleHint: '入力した内容が、コードに反映されます。',
  clients: { curl: 'curl', node: 'Node.js', cli: 'Stripe CLI' },
  clientList: 'クライアント',
  keyStep: '1. キーを設定',
  keyHint:
    'ログインに使用したシークレットキーです。使用量の送信だけを行うプログラムには、ロールが ingest のキーで十分です。',
  sendStep: '2. イベントを送信',
  sendHints: {
    curl: '独自の識別子 (パラメーター identifier) を付けると、再送しても 1 回だけ集計されます。',
    node: 'npm install stripe の後、send.mjs として保存し、node send.mjs を実行します。独自の識別子を付けると、再送しても 1 回だけ集計されます。',
    cli: '独自の識別子 (--identifier …) を付けると、再送しても 1 回だけ集計されます。',
  },
  json: 'このメーターには角括弧を含むペイロードキーがあり、/v1 のフォームでは送信できません。JSON を受け付ける /v2 を使用します。',
  readStep: '3. 今日の使用量を取得',
  readHints: {
    curl: 'aggregated_value が、今日 (UTC) のこの顧客の使用量です。',
    node: 'read.mjs として保存し、node read.mjs を実行します。今日 (UTC) のこの顧客の使用量が表示されます。',
    cli: 'aggregated_value が、今日 (UTC) のこの顧客の使用量です。',
  },
  noPath:
    'このページはパスの下にありますが、stripe パッケージと Stripe CLI はパスのないアドレスとしか通信できません。curl を使うか、サービス専用のホストまたはポートでこのページを開いてください。',
  cliCannot:
    'Stripe CLI は http://127.0.0.1 にのみ接続でき、=、[、] のいずれかを含むペイロードキーは送信できません。サービスが稼働しているマシンで、そのアドレスでこのページを開くとコマンドが表示されます。または、ほかのクライアントを使用してください。',
  arrivals: '受信状況',
  waiting: 'イベントはまだ届いていません。届くと、ここに表示されます。',
  arrived: (identifier, customer, value, at) =>
    `最新のイベントは ${at} (UTC) に届きました: ${identifier}、顧客 ${customer}${value === null ? '' : `、使用量 ${value}`}。`,
  seeEvents: 'すべてのイベントを見る',
}

export const integrateTexts = { en, ja }
