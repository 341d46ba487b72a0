/** What the dashboard says. Every other language has the same entries, checked by the compiler. */
import { counted } from './counted.js'
import type { ErrorCode } from '../domain/errors.js'
import type { PreviewedFate } from '../domain/meter-preview.js'
import { utcSecond } from './utc.js'

type RefusalCode =
  | ErrorCode
  | 'audit_running'
  | 'forbidden'
  | 'lock_timeout'
  | 'more_permissions_required'
  | 'rebuild_running'
  | 'resource_already_exists'
  | 'unauthenticated'

export const english = {
  language: 'English',
  otherLanguage: '日本語',
  skipToContent: 'Skip to content',
  navigation: 'Main navigation',
  rejections: 'Rejections',
  system: 'System',
  test: 'Test',
  live: 'Live',
  ledgerOf: (account: string) => `Account ${account}`,
  keyEnding: (lastFour: string) => `Key …${lastFour}`,
  readOnly: 'Read only',
  readOnlyHint: 'This key reads; to create or change meters, sign in with a secret key.',
  liveStates: { connecting: 'Connecting…', live: 'Live updates', reconnecting: 'Reconnecting…' },
  liveHint: 'What is shown changes as soon as something is recorded.',
  signOut: 'Sign out',
  loading: 'Loading…',
  retry: 'Try again',
  failed: 'This did not work',
  unreachable: 'The service could not be reached. Check that it runs and that you are connected, then try again.',
  answeredByAnother: (status: number) =>
    `Something between this page and the service answered in its place (status ${status}): a proxy, most likely. Check that the service runs and that the proxy reaches it, then try again.`,
  tooMuch: (seconds: number | null) =>
    `The service is asked for more than it does at once. Wait ${seconds === null ? 'a moment' : counted(String(seconds), 'second')}, then try again.`,
  unavailable: (seconds: number | null) =>
    `The service cannot do this just now. Wait ${seconds === null ? 'a moment' : counted(String(seconds), 'second')}, then try again; if it stays so, the page “System” says what it lacks.`,
  broken:
    'Something went wrong inside the service. Try again; if it stays so, give the request below to whoever runs it: it is in the log.',
  sessionOver: 'You were signed out: the session is over or its key was revoked. Sign in again.',
  requestId: (id: string) => `Request ${id}`,
  unknownPage: 'There is no such page',
  backToMeters: 'Back to meters',

  signIn: 'Sign in',
  signInIntro: 'Create meters, see what was counted, and find out why a number is what it is.',
  apiKey: 'API key',
  apiKeyHint: 'A secret key (sk_…) or a read key (rk_…). It decides which account you see, and whether test or live.',
  apiKeyMissing: 'Enter an API key.',
  whereIsMyKey: 'Where is my key?',
  keyHelp:
    'The service printed a test key when it first started. Whoever runs it can issue another, in its folder, with:',

  meters: 'Meters',
  createMeter: 'Create meter',
  search: 'Search meters',
  searchHint: 'Name or event name',
  noMatch: (text: string) => `No meter has “${text}” in its name or event name.`,
  searchedFirst: (count: string) => `There are more meters; the newest ${count} are shown.`,
  noMeters: 'No meters yet',
  noMetersHint: 'A meter says which events count and how they add up. Create one, then report usage like this:',
  noMetersReadOnly: 'Once someone has created a meter with a secret key, it is shown here.',
  columnName: 'Meter',
  columnEventName: 'Event name',
  columnFormula: 'Aggregation',
  columnIngestion: 'Ingestion',
  columnStatus: 'Status',
  columnActivity: 'Events by hour',
  columnLastHour: 'Last hour',
  columnLastDay: 'Last day',
  activityLabel: (count: string, most: string) =>
    `${counted(count, 'event')} received in 24 hours, at most ${most} in one`,
  columnCreated: 'Created (UTC)',
  active: 'Active',
  inactive: 'Inactive',

  meterName: 'Meter name',
  meterNameHint: 'For people. It can be changed later.',
  eventName: 'Event name',
  eventNameHint: 'What your programs send as event_name. It serves one active meter.',
  aggregation: 'Aggregation method',
  formulas: { sum: 'Sum', count: 'Count', last: 'Last' },
  formulaHints: {
    sum: 'Adds up the values of all events.',
    count: 'Counts the events; their values do not matter.',
    last: 'Takes the value of the latest event.',
  },
  advanced: 'Advanced settings',
  ingestion: 'Event ingestion',
  ingestions: { raw: 'Raw', hour: 'Hourly', day: 'Daily' },
  ingestionHints: {
    raw: 'Every event counts.',
    hour: 'Of each UTC hour only the event received last counts.',
    day: 'Of each UTC day only the event received last counts.',
  },
  valueKey: 'Value key',
  valueKeyHint: 'Payload key that holds the value.',
  customerKey: 'Customer key',
  customerKeyHint: 'Payload key that holds the customer.',
  dimensions: 'Dimensions',
  dimensionsHint: 'Payload keys to filter and group usage by, separated by commas. Every event must then have them.',
  permanent: 'Only the name can be changed later. Everything else is permanent, so try it in the preview first.',
  creating: 'Creating…',
  cancel: 'Cancel',
  close: 'Close',
  actions: 'Actions',
  scrollsSideways: 'This table scrolls sideways ↔',
  copy: 'Copy',
  copyOf: (name: string) => `Copy: ${name}`,
  copied: 'Copied',
  selected: 'Selected: copy it with the keyboard',

  preview: 'Preview',
  samples: 'Sample events',
  recorded: 'Recorded events',
  samplesIntro: 'In the order they are received. Nothing here is stored.',
  sample: (number: number) => `Event ${number}`,
  identifier: 'Identifier',
  customer: 'Customer',
  time: 'Time (UTC)',
  value: 'Value',
  addSample: 'Add event',
  removeSample: (number: number) => `Remove event ${number}`,
  receiveEarlier: (number: number) => `Receive event ${number} earlier`,
  receiveLater: (number: number) => `Receive event ${number} later`,
  totals: 'Usage',
  total: 'Total',
  window: 'Window (UTC)',
  byWindow: 'By',
  windows: { hour: 'hour', day: 'day' },
  noUsage: 'Nothing counts.',
  fates: {
    counted: 'Counted',
    overwritten: 'Overwritten',
    not_last: 'Not last',
    cancelled: 'Cancelled',
    outside: 'Outside',
    duplicate: 'Duplicate',
    refused: 'Refused',
  } satisfies Record<PreviewedFate['code'], string>,
  fateReason: (fate: PreviewedFate, contribution: string): string => {
    switch (fate.code) {
      case 'counted':
        return `Gives ${contribution} to the total.`
      case 'overwritten':
        return `${fate.by} was received later in the same ${fate.window}${fate.hasDimensions ? ' with the same dimensions' : ''}, and only the one received last counts.`
      case 'not_last':
        return `${fate.by} is later, and only the latest value counts.`
      case 'cancelled':
        return `It was cancelled at ${utcSecond(fate.at)}.`
      case 'outside':
        return 'It happened outside the interval.'
      case 'duplicate':
        return `An earlier event with the identifier ${fate.by} is the same: it counts once.`
      case 'refused':
        return fate.message
    }
  },
  recordedIntro:
    'What this meter would count of the events that were recorded under its event name in the last 30 days.',
  recordedNeedsName: 'Enter an event name first.',
  tryOnRecorded: 'Try it on recorded events',
  changedSince: 'The settings have changed since. Try again to see what they give.',
  incomplete: (at: string) => `There are too many events for one preview; it ends at ${at}.`,
  moreCustomers: 'Only the first customers are shown.',
  refusalsOfRecorded: 'Events that would be refused',
  refusalCount: (count: number, identifier: string) => `${count}, for example ${identifier}`,
  settingsWrong: 'The settings need mending before they can be tried:',
  /** In place of the service's own words; what has no entry is said in those. */
  refusals: {
    parameter_invalid_empty: 'This must not be empty.',
    unauthenticated: 'This is no active API key of this service. Check it, or have whoever runs the service issue one.',
    more_permissions_required: 'This key may not do that. Sign in with a secret key.',
    forbidden:
      'The service takes changes only from its own pages. Reload the page; if it stays so, a proxy in front must pass the Host header on.',
    lock_timeout: 'Something else changed the same at the same time. Try again.',
    audit_running: 'An audit is running. Begin this one when it is done.',
    rebuild_running: 'A rebuild is running. Begin this one when it is done.',
  } as Partial<Record<RefusalCode, string>>,
  /** Of one parameter: `<code> <parameter>`. */
  refusalsOf: {
    'more_permissions_required api_key':
      'A key of role ingest reports usage and reads nothing. Sign in with a secret key, or one of role read.',
    'parameter_invalid as_of': 'The moment must not be in the future: nobody knows yet.',
    'parameter_invalid timestamp[lt]': 'The end must be after the beginning.',
    'parameter_invalid end_time':
      'That is too much at once. Choose a shorter time, one customer, or days in place of hours.',
    'parameter_invalid dimension_filters':
      'This customer has too many combinations of dimensions to be explained at once. Choose a group.',
    'parameter_invalid dimension_group_by_keys': 'There are too many groups. Group by another dimension.',
    'parameter_invalid created': 'That is too much to count. Choose a meter or a shorter time.',
  } as Readonly<Record<string, string | undefined>>,
}

export type Texts = typeof english
