/** What the frame of a meter's page says: its head and its tabs. */
import type { MeterTab } from '../route.js'

const en = {
  noSuchMeter: 'There is no such meter',
  noSuchMeterHint: 'It may belong to another account, or to the other mode: test and live meters are apart.',
  id: 'Meter ID',
  none: 'None',
  tabsOf: (name: string) => `Pages of ${name}`,
  tabs: {
    overview: 'Overview',
    events: 'Events',
    customers: 'Customers',
    history: 'History',
    integrate: 'Integrate',
  } satisfies Record<MeterTab, string>,
}

const ja: typeof en = {
  noSuchMeter: 'メーターが見つかりません',
  noSuchMeterHint: '別のアカウントか、別のモードのメーターかもしれません。テストと本番のメーターは分かれています。',
  id: 'メーター ID',
  none: 'なし',
  tabsOf: (name) => `${name} のページ`,
  tabs: {
    overview: '概要',
    events: 'イベント',
    customers: '顧客',
    history: '変更履歴',
    integrate: '組み込み',
  },
}

export const meterTexts = { en, ja }
