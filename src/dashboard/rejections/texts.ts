/** What the page of rejections says. */
import { counted } from '../counted.js'
import type { UsageRefusalCode } from '../../domain/errors.js'
import type { Span } from './filters.js'

type Meanings = Readonly<Record<UsageRefusalCode, string>>

const meaningsInEnglish: Meanings = {
  archived_meter: 'The meter is inactive.',
  duplicate_meter_event: 'The identifier was used by another event with other contents.',
  meter_event_customer_not_found: 'The customer is unknown.',
  meter_event_dimension_count_too_high: 'The payload has too many keys.',
  meter_event_invalid_value: 'The value is no number.',
  meter_event_no_customer_defined: 'The payload names no customer.',
  meter_event_value_too_many_digits: 'The value has too many digits.',
  missing_dimension_payload_keys: 'A dimension is missing in the payload.',
  no_meter: 'No active meter has this event name.',
  timestamp_in_future: 'The time is more than 5 minutes ahead.',
  timestamp_too_far_in_past: 'The time is more than 35 days back.',
}

const meaningsInJapanese: Meanings = {
  archived_meter: 'メーターが無効です。',
  duplicate_meter_event: 'この識別子は、内容の異なる別のイベントで使用されています。',
  meter_event_customer_not_found: '顧客が見つかりません。',
  meter_event_dimension_count_too_high: 'ペイロードのキーが多すぎます。',
  meter_event_invalid_value: '使用量が数値ではありません。',
  meter_event_no_customer_defined: 'ペイロードに顧客がありません。',
  meter_event_value_too_many_digits: '使用量の桁数が多すぎます。',
  missing_dimension_payload_keys: 'ペイロードにディメンションがありません。',
  no_meter: 'このイベント名の有効なメーターがありません。',
  timestamp_in_future: '日時が 5 分より先です。',
  timestamp_too_far_in_past: '日時が 35 日より前です。',
}

const en = {
  intro:
    'What the event stream could not count is kept here, with the reason. Once the cause is mended, it can be tried again and counts once, at its own time.',
  received: 'Received',
  spans: { day: 'Last 24 hours', week: 'Last 7 days', month: 'Last 30 days', ever: 'Ever' } satisfies Record<
    Span,
    string
  >,
  meter: 'Meter',
  everyMeter: 'Every meter',
  code: 'Reason',
  everyCode: 'Every reason',
  status: 'Status',
  everyStatus: 'Open and resolved',
  statuses: { open: 'Open', resolved: 'Resolved' },
  counts: 'Rejections by reason',
  meaning: 'Meaning',
  refused: 'Refused',
  total: 'Total',
  meaningOf: (code: string) => meaningOf(meaningsInEnglish, code),
  identifier: 'Identifier',
  eventName: 'Event name',
  none: 'None',
  resolvedAt: 'Resolved (UTC)',
  asSent: 'Event as it was sent',
  retry: 'Try again',
  retryOf: (identifier: string) => `Try again: ${identifier}`,
  retryAll: (count: string) => `Try all open again (${count})`,
  retryAllTitle: (count: string) => `Try ${counted(count, 'rejection')} again?`,
  retryThem: 'Try them again',
  retryMeans: [
    'Every open rejection that matches is judged by the meters as they are now, and as of the time it was received.',
    'What is right now counts once, at its own time. What is still wrong stays here.',
  ],
  outcome: (counted: string, duplicates: string, refused: string) =>
    `${counted} counted, ${duplicates} had been counted already, ${refused} still refused.`,
  older: 'Show older ones',
  nothing: 'Nothing was refused',
  nothingHint:
    'Events that programs send one by one are answered at once, with an error if they cannot be counted. What the event stream refuses later is shown here.',
  noMatch: 'No rejection matches',
  noMatchHint: 'Choose another time, meter, reason, status or identifier to see others.',
}

const ja: typeof en = {
  intro:
    'イベントストリームで集計できなかったイベントを、理由とともに保存しています。原因を修正してから再試行すると、本来の日時で 1 回だけ集計されます。',
  received: '受信日時',
  spans: { day: '過去 24 時間', week: '過去 7 日間', month: '過去 30 日間', ever: '全期間' },
  meter: 'メーター',
  everyMeter: 'すべてのメーター',
  code: '理由',
  everyCode: 'すべての理由',
  status: 'ステータス',
  everyStatus: '未解決と解決済み',
  statuses: { open: '未解決', resolved: '解決済み' },
  counts: '理由別の件数',
  meaning: '説明',
  refused: '拒否',
  total: '合計',
  meaningOf: (code) => meaningOf(meaningsInJapanese, code),
  identifier: '識別子',
  eventName: 'イベント名',
  none: 'なし',
  resolvedAt: '解決日時 (UTC)',
  asSent: '送信されたイベント',
  retry: '再試行',
  retryOf: (identifier) => `再試行: ${identifier}`,
  retryAll: (count) => `未解決をすべて再試行 (${count} 件)`,
  retryAllTitle: (count) => `${count} 件を再試行しますか?`,
  retryThem: '再試行する',
  retryMeans: [
    '条件に一致する未解決のイベントを、現在のメーターの設定と、受信した時点をもとに判定し直します。',
    '集計できるイベントは、本来の日時で 1 回だけ集計されます。集計できないイベントは、ここに残ります。',
  ],
  outcome: (counted, duplicates, refused) =>
    `${counted} 件を集計しました。${duplicates} 件は集計済みでした。${refused} 件は拒否されたままです。`,
  older: '以前のイベントを表示',
  nothing: '拒否されたイベントはありません',
  nothingHint:
    '1 件ずつ送信されたイベントには、集計できない場合、すぐにエラーが返ります。イベントストリームで後から拒否されたイベントは、ここに表示されます。',
  noMatch: '条件に一致するイベントはありません',
  noMatchHint: '期間、メーター、理由、ステータス、識別子を変更してください。',
}

function meaningOf(meanings: Meanings, code: string): string {
  return Object.hasOwn(meanings, code) ? meanings[code as UsageRefusalCode] : ''
}

export const rejectionTexts = { en, ja }
