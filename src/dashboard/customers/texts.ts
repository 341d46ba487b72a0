/** What the customers of a meter are shown with. */
import { counted } from '../counted.js'
const en = {
  search: 'Search customers',
  searchHint: 'Part of the name',
  order: 'Order',
  orders: { '-value': 'Highest value first', customer: 'By name' },
  download: 'Download CSV',
  list: 'Usage by customer',
  printedRows: 'Only the rows that were in sight are printed; the downloaded file has all customers.',
  total: (customers: string, value: string) => `${counted(customers, 'customer')} used ${value} in all.`,
  empty: 'No customer has usage in this period',
  noMatch: (text: string) => `No customer with usage in this period has “${text}” in the name`,
  emptyHint: 'Choose a longer period or search for less.',
}

const ja: typeof en = {
  search: '顧客を検索',
  searchHint: '名前の一部',
  order: '並び順',
  orders: { '-value': '使用量の多い順', customer: '名前順' },
  download: 'CSV をダウンロード',
  list: '顧客ごとの使用量',
  printedRows: '印刷されるのは画面に表示されていた行だけです。すべての顧客は、ダウンロードした CSV にあります。',
  total: (customers, value) => `${customers} 件の顧客、使用量の合計は ${value} です。`,
  empty: 'この期間に使用量のある顧客はいません',
  noMatch: (text) => `この期間に使用量のある顧客で、名前に「${text}」を含むものはありません`,
  emptyHint: '期間を広げるか、検索する文字を減らしてください。',
}

export const customersTexts = { en, ja }
