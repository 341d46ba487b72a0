/** What the choice of a moment says. */
const en = {
  asOf: 'As known at',
  slider: 'Move to an earlier moment',
  exact: 'Exact time (UTC)',
  position: 'or log position',
  positionHint: 'The “log position” of an earlier answer: everything up to that place.',
  now: 'Now: with all that has been received.',
  at: (time: string) => `As known at ${time} UTC: with all that had been received by then.`,
  atPosition: (position: string) => `As known at log position ${position}: with everything up to that place.`,
  shortPosition: (position: string) => `Log position ${position}`,
  backToNow: 'Back to now',
  notYet: 'This moment is still to come; what is shown is now.',
  tooEarly: (time: string) => `Choose a moment after ${time} UTC, when the meter was created; what is shown is now.`,
  noPosition: 'No event of this log stands at that position. Copy one from an answer of this service.',
}

const ja: typeof en = {
  asOf: '表示する時点',
  slider: '過去の時点に移動',
  exact: '日時を指定 (UTC)',
  position: 'またはログの位置',
  positionHint: '以前の結果に表示された「ログの位置」。その位置までのすべてのイベントを含みます。',
  now: '現在: 受信済みのすべてのイベントを含みます。',
  at: (time) => `${time} UTC 時点: それまでに受信したイベントだけを含みます。`,
  atPosition: (position) => `ログの位置 ${position} 時点: その位置までのイベントだけを含みます。`,
  shortPosition: (position) => `ログの位置 ${position}`,
  backToNow: '現在に戻す',
  notYet: '未来の日時です。現在の結果を表示しています。',
  tooEarly: (time) => `メーターの作成日時 (${time} UTC) より後を指定してください。現在の結果を表示しています。`,
  noPosition: 'このログに、その位置のイベントはありません。このサービスの結果に表示された位置をコピーしてください。',
}

export const asOfTexts = { en, ja }
