/** What the history of a meter says. */
import type { MeterChange } from '../answers.js'

type Who = MeterChange['actor']

const en = {
  intro: 'What was done to this meter, newest first. Its settings cannot change, but for the name and the status.',
  older: 'Load older',
  caption: 'History',
  when: 'When (UTC)',
  what: 'What',
  request: 'Request',
  change: ({ type, actor, display_name, previous_display_name }: MeterChange): string => {
    switch (type) {
      case 'created':
        return `${en.who(actor)} created it as “${display_name}”.`
      case 'renamed':
        return `${en.who(actor)} renamed it from “${previous_display_name ?? ''}” to “${display_name}”.`
      case 'deactivated':
        return `${en.who(actor)} deactivated it: from then on new events were refused.`
      case 'reactivated':
        return `${en.who(actor)} reactivated it: from then on new events counted again.`
    }
  },
  who: ({ name, last4 }: Who): string =>
    last4 === null ? 'Meterbook itself' : `Key …${last4}${name === null || name === '' ? '' : ` (${name})`}`,
}

const ja: typeof en = {
  intro: 'このメーターへの操作を、新しい順に表示します。メーター名とステータス以外の設定は変わりません。',
  older: '以前の履歴を読み込む',
  caption: '変更履歴',
  when: '日時 (UTC)',
  what: '内容',
  request: 'リクエスト',
  change: ({ type, actor, display_name, previous_display_name }) => {
    switch (type) {
      case 'created':
        return `${ja.who(actor)}が「${display_name}」として作成しました。`
      case 'renamed':
        return `${ja.who(actor)}が名前を「${previous_display_name ?? ''}」から「${display_name}」に変更しました。`
      case 'deactivated':
        return `${ja.who(actor)}が無効にしました。以後の新しいイベントは拒否されました。`
      case 'reactivated':
        return `${ja.who(actor)}が再び有効にしました。以後の新しいイベントは集計されました。`
    }
  },
  who: ({ name, last4 }) =>
    last4 === null ? 'Meterbook ' : `キー …${last4}${name === null || name === '' ? '' : ` (${name}) `}`,
}

export const historyTexts = { en, ja }
