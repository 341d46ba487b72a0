/**
 * Programs and commands that report usage on a meter and read it back, as they can be run: with this service's address, the
 * meter's own names, and the key in STRIPE_API_KEY. Whatever a name contains, it is quoted so that it stays a text.
 */
import type { Meter } from '../answers.js'

export const clients = ['curl', 'node', 'cli'] as const
export type SnippetClient = (typeof clients)[number]

export interface Example {
  readonly customer: string
  readonly value: string
  readonly dimensions: Readonly<Record<string, string>>
}

type Payload = readonly (readonly [key: string, value: string])[]

export interface Snippets {
  readonly send: string
  readonly read: string
}

/** Of the names of a form's parameters brackets are the structure; a key that has them goes into the JSON of v2. */
export function needsJson(meter: Meter): boolean {
  const { customer_mapping, value_settings, dimension_payload_keys } = meter
  const keys = [customer_mapping.event_payload_key, value_settings.event_payload_key, ...(dimension_payload_keys ?? [])]
  return keys.some((key) => /[[\]]/.test(key))
}

/** Payload of an event of the meter, in the order people read it. */
function examplePayload(meter: Meter, { customer, value, dimensions }: Example): Payload {
  const counts = meter.default_aggregation.formula === 'count'
  return [
    [meter.customer_mapping.event_payload_key, customer],
    ...(counts ? [] : [[meter.value_settings.event_payload_key, value] as const]),
    ...(meter.dimension_payload_keys ?? []).map((key) => [key, dimensions[key] ?? ''] as const),
  ]
}

/**
 * null where the client cannot do it: only curl takes an address with a path, and the Stripe CLI knows no host but its own
 * machine, over http, and no `=` nor brackets in a key.
 */
export function snippetsFor(client: SnippetClient, meter: Meter, example: Example, address: string): Snippets | null {
  if (client !== 'curl' && hasPath(address)) return null
  switch (client) {
    case 'curl':
      return curlSnippets(meter, example, address)
    case 'node':
      return nodeSnippets(meter, example, address)
    case 'cli':
      return cliSnippets(meter, example, address)
  }
}

export function hasPath(address: string): boolean {
  return new URL(address).pathname !== '/'
}

export function keySnippet(meter: Meter): string {
  return `export STRIPE_API_KEY=sk_${meter.livemode ? 'live' : 'test'}_YOUR_KEY`
}

function curlSnippets(meter: Meter, example: Example, address: string): Snippets {
  const payload = examplePayload(meter, example)
  return {
    send: needsJson(meter) ? curlJson(meter, payload, address) : curlForm(meter, payload, address),
    read: [
      TODAY,
      command([
        `curl -G ${shellText(`${address}${summariesPath(meter)}`)} -u "$STRIPE_API_KEY:"`,
        `--data-urlencode ${shellText(`customer=${example.customer}`)}`,
        '-d "start_time=$TODAY" -d "end_time=$((TODAY + 86400))"',
      ]),
    ].join('\n'),
  }
}

function curlForm(meter: Meter, payload: Payload, address: string): string {
  const named = payload.map(([key, value]) => [`payload[${formKey(key)}]`, value] as const)
  return command([
    `curl ${shellText(`${address}/v1/billing/meter_events`)} -u "$STRIPE_API_KEY:"`,
    ...[['event_name', meter.event_name] as const, ...named].map(
      ([name, value]) => `--data-urlencode ${shellText(`${name}=${value}`)}`,
    ),
  ])
}

function curlJson(meter: Meter, payload: Payload, address: string): string {
  const event = { event_name: meter.event_name, payload: Object.fromEntries(payload) }
  return command([
    `curl ${shellText(`${address}/v2/billing/meter_events`)} -u "$STRIPE_API_KEY:"`,
    "-H 'Content-Type: application/json'",
    `-d ${shellText(JSON.stringify(event, null, 2).replaceAll('\n', '\n  '))}`,
  ])
}

function nodeSnippets(meter: Meter, example: Example, address: string): Snippets {
  const payload = examplePayload(meter, example).map(([key, value]) => `    ${jsKey(key)}: ${jsText(value)},`)
  const begin = [
    "import Stripe from 'stripe'",
    '',
    `const stripe = new Stripe(process.env.STRIPE_API_KEY, ${stripeOptions(address)})`,
  ]
  return {
    send: [
      ...begin,
      `const event = await stripe.${needsJson(meter) ? 'v2.' : ''}billing.meterEvents.create({`,
      `  event_name: ${jsText(meter.event_name)},`,
      '  payload: {',
      ...payload,
      '  },',
      '})',
      "console.log('Counted once as', event.identifier)",
    ].join('\n'),
    read: [
      ...begin,
      'const day = 24 * 60 * 60',
      'const today = Math.floor(Date.now() / 1000 / day) * day',
      `const { data } = await stripe.billing.meters.listEventSummaries(${jsText(meter.id)}, {`,
      `  customer: ${jsText(example.customer)},`,
      '  start_time: today,',
      '  end_time: today + day,',
      '})',
      'console.log(data[0].aggregated_value_decimal)',
    ].join('\n'),
  }
}

function cliSnippets(meter: Meter, example: Example, address: string): Snippets | null {
  const { protocol, hostname, port } = new URL(address)
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname
  if (protocol !== 'http:' || !['127.0.0.1', '[::1]'].includes(host)) return null
  const payload = examplePayload(meter, example)
  if (payload.some(([key]) => /[=[\]]/.test(key))) return null
  const base = `--api-base ${shellText(`http://${host}${port === '' ? '' : `:${port}`}`)}`
  return {
    send: command([
      `stripe billing meter_events create ${base}`,
      `--event-name ${shellText(meter.event_name)}`,
      ...payload.map(([key, value]) => `-d ${shellText(`payload[${key}]=${value}`)}`),
    ]),
    read: [
      TODAY,
      command([
        `stripe billing meter_event_summaries list ${shellText(meter.id)} ${base}`,
        `--customer ${shellText(example.customer)}`,
        '--start-time $TODAY --end-time $((TODAY + 86400))',
      ]),
    ].join('\n'),
  }
}

/** Unix seconds of the UTC day. */
const TODAY = 'TODAY=$(($(date +%s) / 86400 * 86400))'

function summariesPath(meter: Meter): string {
  return `/v1/billing/meters/${encodeURIComponent(meter.id)}/event_summaries`
}

function command(parts: readonly string[]): string {
  return parts.join(' \\\n  ')
}

/** For POSIX shells. */
function shellText(text: string): string {
  return /^[\w./:@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** As a key within brackets, where `=` and `&` would end it. */
function formKey(key: string): string {
  return /^[\w.-]+$/.test(key) ? key : encodeURIComponent(key)
}

function jsText(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

function jsKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) && key !== '__proto__' ? key : `[${jsText(key)}]`
}

/** What the SDK assumes (https, port 443) is left out. */
function stripeOptions(address: string): string {
  const { protocol, hostname, port } = new URL(address)
  const options = [`host: ${jsText(hostname.replace(/^\[|\]$/g, ''))}`]
  if (port !== '') options.push(`port: ${port}`)
  if (protocol === 'http:') options.push(...(port === '' ? ['port: 80'] : []), "protocol: 'http'")
  return `{ ${options.join(', ')} }`
}
