/** What the pages about usage share. */
import type { Preset } from './period.js'

const en = {
  period: 'Period (UTC)',
  presets: {
    today: 'Today',
    month: 'This month',
    lastMonth: 'Last month',
    days30: 'Last 30 days',
    all: 'All time',
    custom: 'From – to',
  } satisfies Record<Preset, string>,
  from: 'From (UTC)',
  to: 'To (UTC, exclusive)',
  noPeriod: 'Choose two times, the second after the first.',
  others: 'Others',
  emptyValue: '(empty)',
  records: 'Counted events',
  share: 'Share of events',
  position: 'Log position',
  positionHint: 'All events up to this place in the log are in these numbers.',
  explain: 'Explain',
  explanationOf: (customer: string) => `Every event of ${customer}`,
  fate: 'What became of it',
  contribution: 'Gives',
  runningTotal: 'Running total',
  moreRecords: 'Show more events',
  totalToReach: (total: string) => `The total is ${total}.`,
  addsUp: (total: string) => `These events add up to ${total}.`,
  movedOn: 'New events have come in; the list is being brought up to date.',
}

const ja: typeof en = {
  period: '期間 (UTC)',
  presets: {
    today: '今日',
    month: '今月',
    lastMonth: '先月',
    days30: '過去 30 日間',
    all: '全期間',
    custom: '期間を指定',
  },
  from: '開始 (UTC)',
  to: '終了 (UTC、この時刻は含まない)',
  noPeriod: '開始と、それより後の終了を指定してください。',
  others: 'その他',
  emptyValue: '(空)',
  records: '集計されたイベント',
  share: 'イベントの割合',
  position: 'ログの位置',
  positionHint: 'ログのこの位置までのすべてのイベントが反映されています。',
  explain: '内訳を見る',
  explanationOf: (customer) => `${customer} のすべてのイベント`,
  fate: '結果',
  contribution: '加算値',
  runningTotal: '累計',
  moreRecords: 'さらに表示',
  totalToReach: (total) => `合計は ${total} です。`,
  addsUp: (total) => `これらのイベントの合計は ${total} です。`,
  movedOn: '新しいイベントを受信したため、一覧を更新しています。',
}

export const usageTexts = { en, ja }
