/** What the Events tab says: above all, one plain sentence for each event. */
import type { EventTimeWindow } from '../../domain/meter-catalogue.js'
import type { EventStatus } from './event-list.js'

/** A record that counts, as its sentence needs it. */
interface Counted {
  readonly customer: string
  readonly contribution: string
  readonly formula: 'sum' | 'count' | 'last'
  readonly window: EventTimeWindow | null
  /** UTC, for people: the hour or day that it counts in. */
  readonly when: string
  readonly hasDimensions: boolean
}

const en = {
  intro: 'What was received under this event name, newest first. New events appear by themselves.',
  filters: 'Filters',
  status: 'Status',
  statuses: { all: 'All', recorded: 'Recorded', cancelled: 'Cancelled', rejected: 'Rejected' } satisfies Record<
    EventStatus,
    string
  >,
  from: 'Received from (UTC)',
  to: 'Received before (UTC)',
  clear: 'Clear filters',
  list: 'Events',
  older: 'Load older',
  tooMany: (count: string) => `The newest ${count} events are shown. For older ones, set “Received before”.`,
  none: 'No events yet',
  noneHint: 'As soon as a program reports usage, its events appear here. The snippets to send one are ready to copy:',
  toIntegrate: 'Send the first event',
  noMatch: 'No event matches the filters.',
  noRejectionsAtPosition:
    'A log position is one of usage events: rejections are not listed. Choose a time to see them, too.',
  rejected: 'Rejected',
  countedLater: 'Counted later',

  counted: ({ customer, contribution, formula, window, when, hasDimensions }: Counted): string => {
    const same = hasDimensions ? ' with these dimensions' : ''
    if (formula === 'last') return `It is the latest value of ${customer}${same} on ${when}.`
    if (window !== null) {
      return `It is the last report of ${customer}${same} for the ${window} ${when}, and gives it ${contribution}.`
    }
    return formula === 'count'
      ? `It counts as one more for ${customer}, in the hour ${when}.`
      : `It adds ${contribution} to the usage of ${customer}, in the hour ${when}.`
  },
  overwritten: (by: string, window: EventTimeWindow, hasDimensions: boolean) =>
    hasDimensions
      ? `It does not count: ${by} was received later for the same ${window} with the same dimensions, and only the last report of those counts.`
      : `It does not count: ${by} was received later for the same ${window}, and only the last report of each ${window} counts.`,
  notLast: (by: string, day: string, hasDimensions: boolean) =>
    `It does not count for ${day}: ${by} happened later${hasDimensions ? ' with the same dimensions' : ''}, and only the latest value counts.`,
  cancelled: (at: string) => `It was cancelled at ${at} and no longer counts.`,
  duplicate: (identifier: string, message: string) =>
    `It is a duplicate of ${identifier} and does not count: ${message}`,
  refused: (message: string) => `It was not counted: ${message}`,
  resolved: (at: string, message: string) => `It counts since ${at}, after being refused at first: ${message}`,

  details: 'Details',
  detailsOf: (identifier: string) => `Details of ${identifier}`,
  happened: 'Happened (UTC)',
  received: 'Received (UTC)',
  cancelledAt: 'Cancelled (UTC)',
  recordId: 'Record',
  rejectionId: 'Rejection',
  code: 'Code',
  payload: 'Payload',
  sent: 'As it was sent',
  logged: { UsageRecorded: 'Recorded in the log (UTC)', UsageCancelled: 'Cancelled in the log (UTC)' },
  actor: 'By API key',
  position: 'Log position',
  stream: 'Stream, revision',
  revisionOf: (stream: string, revision: number) => `${stream}, ${revision}`,
  requests: { UsageRecorded: 'Recorded by request', UsageCancelled: 'Cancelled by request' },

  cancel: 'Cancel',
  cancelOf: (identifier: string) => `Cancel ${identifier}`,
  cancelTitle: 'Cancel this event?',
  cancelAction: 'Cancel the event',
  cancelMeans: (identifier: string, customer: string, contribution: string) => [
    `${identifier} no longer counts for ${customer}${contribution === '0' ? '' : `: ${contribution} is taken out`}.`,
    'It stays in the list and in the history as cancelled.',
    'It cannot be undone, and its identifier stays taken: the right event needs another one.',
  ],
  cancelWindowed: (window: EventTimeWindow) =>
    `If there was an earlier report for the same ${window}, that one counts again.`,
  cancelOverwritten: 'It is not counted as it is, so no total changes now.',
  cancelLast: 'If it is the latest value, the one before it becomes the latest again.',
  cancelledMeanwhile:
    'Somebody else has cancelled this event in the meantime. It no longer counts; there is nothing left to do.',
  cancelTooLate:
    'It can no longer be cancelled: that is possible for 24 hours after its receipt. On a meter that sums, an event with the negative value corrects it.',
  cancelNeedsSecret: 'To cancel it, sign in with a secret key.',
}

const windowJa = { hour: '1 時間', day: '1 日' }

const ja: typeof en = {
  intro: 'このイベント名で受信したイベントを、新しい順に表示します。新しいイベントは自動的に表示されます。',
  filters: '絞り込み',
  status: 'ステータス',
  statuses: { all: 'すべて', recorded: '記録済み', cancelled: 'キャンセル済み', rejected: '拒否' },
  from: '受信日時 (UTC) から',
  to: '受信日時 (UTC) まで',
  clear: '絞り込みを解除',
  list: 'イベント',
  older: '以前のイベントを読み込む',
  tooMany: (count) => `新しい順に ${count} 件を表示しています。それより前は「受信日時まで」を指定してください。`,
  none: 'イベントはまだありません',
  noneHint: 'プログラムが使用量を送信すると、ここに表示されます。送信用のコードをコピーできます。',
  toIntegrate: '最初のイベントを送信',
  noMatch: '条件に一致するイベントはありません。',
  noRejectionsAtPosition:
    'ログの位置は使用状況イベントのものです。拒否されたイベントは表示されません。表示するには日時を指定してください。',
  rejected: '拒否',
  countedLater: '後から集計',

  counted: ({ customer, contribution, formula, window, when, hasDimensions }) => {
    const same = hasDimensions ? ' (同じディメンション)' : ''
    if (formula === 'last') return `${when} における ${customer}${same} の最新の値です。`
    if (window !== null) {
      return `${when} の ${windowJa[window]}における ${customer}${same} の最後の報告で、${contribution} として集計されています。`
    }
    return formula === 'count'
      ? `${customer} の件数に 1 件加えています (${when} からの 1 時間)。`
      : `${customer} の使用量に ${contribution} を加えています (${when} からの 1 時間)。`
  },
  overwritten: (by, window, hasDimensions) =>
    `集計されません。同じ ${windowJa[window]}のうちに${hasDimensions ? '同じディメンションの' : ''} ${by} が後から受信され、最後の報告だけが集計されます。`,
  notLast: (by, day, hasDimensions) =>
    `${day} の集計には使用されません。${hasDimensions ? '同じディメンションの ' : ''}${by} のほうが新しく、最新の値だけが使用されます。`,
  cancelled: (at) => `${at} にキャンセルされ、集計されていません。`,
  duplicate: (identifier, message) => `${identifier} と重複しているため、集計されません。${message}`,
  refused: (message) => `集計されませんでした。${message}`,
  resolved: (at, message) => `最初は拒否されましたが、${at} に集計されました。${message}`,

  details: '詳細',
  detailsOf: (identifier) => `${identifier} の詳細`,
  happened: '発生日時 (UTC)',
  received: '受信日時 (UTC)',
  cancelledAt: 'キャンセル日時 (UTC)',
  recordId: '記録 ID',
  rejectionId: '拒否 ID',
  code: 'コード',
  payload: 'ペイロード',
  sent: '送信された内容',
  logged: { UsageRecorded: 'ログへの記録 (UTC)', UsageCancelled: 'ログでのキャンセル (UTC)' },
  actor: '使用した API キー',
  position: 'ログの位置',
  stream: 'ストリーム、リビジョン',
  revisionOf: (stream, revision) => `${stream}, ${revision}`,
  requests: { UsageRecorded: '記録したリクエスト', UsageCancelled: 'キャンセルしたリクエスト' },

  cancel: 'キャンセル',
  cancelOf: (identifier) => `${identifier} をキャンセル`,
  cancelTitle: 'このイベントをキャンセルしますか?',
  cancelAction: 'イベントをキャンセル',
  cancelMeans: (identifier, customer, contribution) => [
    `${identifier} は ${customer} の集計から除かれます${contribution === '0' ? '' : ` (${contribution})`}。`,
    'イベントはキャンセル済みとして一覧と履歴に残ります。',
    '元に戻すことはできません。識別子は再利用できないため、正しいイベントには別の識別子を使用してください。',
  ],
  cancelWindowed: (window) => `同じ ${windowJa[window]}に前の報告がある場合は、その報告が再び集計されます。`,
  cancelOverwritten: '現在も集計されていないため、合計は変わりません。',
  cancelLast: '最新の値である場合は、1 つ前の値が再び最新になります。',
  cancelledMeanwhile: 'このイベントは、すでにほかからキャンセルされました。集計から除かれているため、操作は不要です。',
  cancelTooLate:
    'キャンセルできるのは、受信後 24 時間以内です。合計するメーターでは、負の値のイベントを送信して訂正できます。',
  cancelNeedsSecret: 'キャンセルするには、シークレットキーでログインしてください。',
}

export const eventsTexts = { en, ja }
