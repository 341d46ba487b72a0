/** What the page of a customer says. */
import { counted } from '../counted.js'
const en = {
  find: 'Find a customer',
  findHint: 'Exact customer ID',
  open: 'Open',
  print: 'Print statement',
  statement: 'Statement',
  account: 'Account',
  now: (time: string) => `Now: ${time} UTC`,
  empty: 'No usage in this period',
  emptyHint: 'Choose a longer period, and check that the customer is written exactly as in the events.',
  emptyCancelled: 'Events that were cancelled are on the page of their meter, with this customer filled in:',
  emptyRefused: 'Events that were sent but refused are under:',
  byMeter: 'Usage by meter',
  billed: 'To bill',
  billedHint: 'A total may be negative after corrections; a bill is then 0.',
  explainMeter: (name: string) => `Explain ${name}`,
  moreGroups: (shown: number) => `There are more groups; the ${shown} highest are shown.`,
  digest: 'Digest',
  digestIntro:
    'The SHA-256 over every record of this customer and period. Whoever has the same digest has the same records; if one were changed later, it would not come out again.',
  digestOf: (records: number, effective: number, sequence: string, format: (count: number) => string) => {
    const all = counted(format(records), 'record')
    const parts = `${format(effective)} in effect, ${format(records - effective)} cancelled or overwritten`
    return `${all}${effective < records ? ` (${parts})` : ''}, after usage event ${sequence}.`
  },
  check: 'To check it at any later time, in the folder of Meterbook on the machine of the service:',
  checkCommand: 'Command that checks the digest',
}

const ja: typeof en = {
  find: '顧客を探す',
  findHint: '顧客 ID (完全一致)',
  open: '開く',
  print: '明細書を印刷',
  statement: '明細書',
  account: 'アカウント',
  now: (time) => `現在: ${time} UTC`,
  empty: 'この期間の使用量はありません',
  emptyHint: '期間を広げるか、顧客 ID がイベントと完全に一致しているか確認してください。',
  emptyCancelled: 'キャンセルされたイベントは、メーターのページでこの顧客を指定すると確認できます:',
  emptyRefused: '送信されたものの拒否されたイベントは、こちらで確認できます:',
  byMeter: 'メーターごとの使用量',
  billed: '請求対象',
  billedHint: '訂正により合計が負になることがあります。その場合、請求は 0 です。',
  explainMeter: (name) => `内訳を見る: ${name}`,
  moreGroups: (shown) => `ほかにもグループがあります。上位 ${shown} 件を表示しています。`,
  digest: 'ダイジェスト',
  digestIntro:
    'この顧客と期間のすべての記録に対する SHA-256 です。同じダイジェストであれば同じ記録を持っています。後から記録が変更されると、同じ値にはなりません。',
  digestOf: (records, effective, sequence, format) => {
    const parts = `有効 ${format(effective)} 件、キャンセルまたは上書き ${format(records - effective)} 件`
    return `使用状況イベント ${sequence} の時点の記録 ${format(records)} 件${effective < records ? ` (${parts})` : ''}。`
  },
  check: 'サービスのマシンの Meterbook のフォルダーで次のコマンドを実行すると、後からいつでも確認できます。',
  checkCommand: 'ダイジェストを確認するコマンド',
}

export const customerTexts = { en, ja }
