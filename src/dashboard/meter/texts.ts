/** What the frame of a meter's page says: its head and its tabs. */
import type { MeterTab } from '../route.js'

const en = {
  noSuchMeter: 'There is no such meter',
  noSuchMeterHint: 'It may belong to another account, or to the other mode: test and live meters are apart.',
  id: 'Meter ID',
  none: 'None',
  rename: 'Rename',
  renameTitle: 'Rename the meter',
  renameHint: 'The name is only for people: programs go on as they are. Everything else of a meter is permanent.',
  save: 'Save',
  deactivate: 'Deactivate',
  deactivateTitle: (name: string) => `Deactivate ${name}?`,
  deactivateMeans: (eventName: string) => [
    `New events named ${eventName} are refused from then on, and the programs that send them get an error.`,
    'What was counted so far stays: totals, events and explanations can be seen as before.',
    'It can be reactivated at any time, unless another meter has taken its event name by then.',
  ],
  reactivate: 'Reactivate',
  reactivateTitle: (name: string) => `Reactivate ${name}?`,
  reactivateMeans: (eventName: string) => [
    `New events named ${eventName} count again.`,
    'Events that were refused in between are not added by it; whoever sent them may send them again.',
  ],
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
  rename: '名前を変更',
  renameTitle: 'メーター名の変更',
  renameHint: '名前は表示用で、プログラムには影響しません。名前以外の設定は変更できません。',
  save: '保存',
  deactivate: '無効にする',
  deactivateTitle: (name) => `${name} を無効にしますか?`,
  deactivateMeans: (eventName) => [
    `以後、イベント名 ${eventName} の新しいイベントは拒否され、送信元のプログラムにはエラーが返ります。`,
    'これまでの集計はそのまま残り、合計、イベント、説明は引き続き表示できます。',
    'いつでも再び有効にできます。ただし、その間に別のメーターが同じイベント名を使用した場合を除きます。',
  ],
  reactivate: '再び有効にする',
  reactivateTitle: (name) => `${name} を再び有効にしますか?`,
  reactivateMeans: (eventName) => [
    `イベント名 ${eventName} の新しいイベントが再び集計されます。`,
    '無効の間に拒否されたイベントは追加されません。必要な場合は、送信元から再送してください。',
  ],
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
