import { describe, expect, it } from '@jest/globals'
import { validateSync } from 'class-validator'
import fc from 'fast-check'
import 'reflect-metadata'
import { loadSwagger } from '../../../src/api/api-decorators.js'
import { ApiError } from '../../../src/api/stripe/api-error.js'
import { parseForm } from '../../../src/api/stripe/form.js'
import { parseJsonBody } from '../../../src/api/stripe/json-body.js'
import { ListParameters, list } from '../../../src/api/stripe/list.js'
import {
  Choice,
  Hash,
  HashList,
  IntegerText,
  StringList,
  StringMap,
  Text,
  Timestamp,
  V1Parameters,
} from '../../../src/api/stripe/parameter-decorators.js'
import { buildDto, isAcceptable, readParameters, type DtoClass } from '../../../src/api/stripe/parameters.js'
import {
  CreateMeterEventAdjustmentParameters,
  CreateMeterEventParameters,
  CreateV2MeterEventAdjustmentParameters,
  CreateV2MeterEventParameters,
} from '../../../src/api/meter-events.parameters.js'
import { CreateMeterParameters, ListMetersParameters } from '../../../src/api/meters.parameters.js'
import { NOW } from '../../controls.js'

class CancelParameters {
  @Text({ lengthMax: 5 })
  identifier!: string
}

class EventParameters extends V1Parameters {
  @Text({ lengthMax: 10 })
  event_name!: string

  @StringMap()
  payload!: Record<string, string>

  @IntegerText({ min: -5, max: 999_999_999_999, optional: true })
  timestamp?: number

  @Choice(['sum', 'count', 'last'], { optional: true })
  formula?: string

  @Hash(() => CancelParameters, { optional: true })
  cancel?: CancelParameters

  @StringList({ optional: true })
  keys?: string[]
}

class JsonEvent {
  @Text({ lengthMax: 10 })
  event_name!: string

  @Timestamp({ optional: true })
  timestamp?: number
}

class StreamParameters {
  @HashList(() => JsonEvent, { lengthMax: 2 })
  events!: JsonEvent[]
}

const form = (text: string) => readParameters(EventParameters, parseForm(text))
const stream = (body: unknown) => readParameters(StreamParameters, parseJsonBody(Buffer.from(JSON.stringify(body))))
const event = (timestamp: unknown) => stream({ events: [{ event_name: 'e', timestamp }] }).events[0]

function refusalOf(read: () => unknown): Pick<ApiError, 'code' | 'param' | 'message'> {
  try {
    read()
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, param: error.param, message: error.message }
    throw error
  }
  throw new Error('The parameters were accepted.')
}

const indexes = (count: number, name: string): string =>
  Array.from({ length: count }, (_, index) => `${name}[${index}]=x`).join('&')
const GOOD = 'event_name=e&payload[value]=5'

describe('Parameters', () => {
  it('become a DTO', () => {
    const dto = form(`${GOOD}&timestamp=-5&formula=sum&cancel[identifier]=i&keys[]=a&keys[]=b`)
    expect(dto).toBeInstanceOf(EventParameters)
    expect(dto.cancel).toBeInstanceOf(CancelParameters)
    expect({ ...dto, payload: { ...dto.payload }, cancel: { ...dto.cancel } }).toEqual({
      event_name: 'e',
      payload: { value: '5' },
      timestamp: -5,
      formula: 'sum',
      cancel: { identifier: 'i' },
      keys: ['a', 'b'],
    })
  })

  it.each([
    ['', 'parameter_missing', 'event_name', 'Missing required param: event_name.'],
    ['event_name=e', 'parameter_missing', 'payload', 'Missing required param: payload.'],
    [`${GOOD}&cancel[identifier]=`, 'parameter_invalid_empty', 'cancel[identifier]', 'empty string'],
    [`${GOOD}&cancel[identifer]=i`, 'parameter_unknown', 'cancel[identifer]', 'Did you mean cancel[identifier]?'],
    [`${GOOD}&x[y]=1`, 'parameter_unknown', 'x', 'Received unknown parameter: x'],
    [`${GOOD}&cancel[x]=1`, 'parameter_unknown', 'cancel[x]', 'Received unknown parameter: cancel[x]'],
    [`event_nam=e`, 'parameter_unknown', 'event_nam', 'Did you mean event_name?'],
    [`eventName=e`, 'parameter_unknown', 'eventName', 'Did you mean event_name?'],
    [`${GOOD}&__proto__[a]=e`, 'parameter_unknown', '__proto__', 'unknown parameter: __proto__'],
    [`${GOOD}&constructor=e`, 'parameter_unknown', 'constructor', 'unknown parameter: constructor'],
    ['event_name=&payload[value]=5', 'parameter_invalid_empty', 'event_name', 'empty string'],
    ['event_name=12345678901&payload[a]=5', 'parameter_too_long', 'event_name', 'at most 10 characters'],
    ['event_name[a]=b&payload[a]=5', 'parameter_invalid', 'event_name', 'must be a string'],
    ['event_name=a&event_name=b&payload[a]=5', 'parameter_invalid', 'event_name', 'must be a string'],
    ['event_name=e&payload=', 'parameter_invalid_empty', 'payload', 'empty string'],
    ['event_name=e&payload=5', 'parameter_invalid', 'payload', 'must be a hash'],
    ['event_name=e&payload[]=5', 'parameter_invalid', 'payload', 'must be a hash'],
    ['event_name=e&payload[a][b]=5', 'parameter_invalid', 'payload[a]', 'must be a string'],
    [`${GOOD}&timestamp=`, 'parameter_invalid_empty', 'timestamp', 'empty string'],
    [`${GOOD}&timestamp=1.5`, 'parameter_invalid_integer', 'timestamp', 'Invalid integer for timestamp: 1.5'],
    [`${GOOD}&timestamp=%2B1`, 'parameter_invalid_integer', 'timestamp', 'Invalid integer'],
    [`${GOOD}&timestamp=1e3`, 'parameter_invalid_integer', 'timestamp', 'Invalid integer'],
    [`${GOOD}&timestamp=1234567890123456`, 'parameter_invalid_integer', 'timestamp', 'Invalid integer'],
    [`${GOOD}&timestamp[]=1`, 'parameter_invalid_integer', 'timestamp', 'Invalid integer'],
    [`${GOOD}&timestamp=-6`, 'parameter_invalid_integer', 'timestamp', 'from -5 to 999999999999'],
    [`${GOOD}&formula=max`, 'parameter_invalid', 'formula', 'one of sum, count or last'],
    [`${GOOD}&formula=`, 'parameter_invalid_empty', 'formula', 'empty string'],
    [`${GOOD}&cancel=5`, 'parameter_invalid', 'cancel', 'must be a hash'],
    [`${GOOD}&cancel[identifier]=123456`, 'parameter_too_long', 'cancel[identifier]', 'at most 5 characters'],
    [`${GOOD}&keys=a`, 'parameter_invalid', 'keys', 'a list of strings'],
    [`${GOOD}&keys[][a]=b`, 'parameter_invalid', 'keys', 'a list of strings'],
    [`${GOOD}&keys[1]=a`, 'parameter_invalid', 'keys', 'the list keys has no entry 0'],
    [`${GOOD}&keys[0]=a&keys[2026]=b`, 'parameter_invalid', 'keys', 'the list keys has no entry 1'],
    [`${GOOD}&keys[0]=a&keys[b]=c`, 'parameter_invalid', 'keys', 'a list of strings'],
    [`${GOOD}&${indexes(501, 'keys')}`, 'parameter_invalid', 'keys', 'more than 500 entries'],
    ['event_name=e&payload[a]=5&payload[]=6', 'parameter_invalid', 'payload[]', 'both as a list and as a hash'],
    ['event_name=e&payload[0]=5&payload[]=6', 'parameter_invalid', 'payload', 'must be a hash'],
    ['event_name=e&payload[0][1]=5', 'parameter_invalid', 'payload[0]', 'must be a string'],
    [`${GOOD}&cancel[0]=i`, 'parameter_unknown', 'cancel[0]', 'unknown parameter: cancel[0]'],
    [`${GOOD}&cancel[7]=i`, 'parameter_unknown', 'cancel[7]', 'unknown parameter: cancel[7]'],
    [`${GOOD}&expand[]=meter`, 'parameter_invalid', 'expand', 'This property cannot be expanded (meter).'],
    [`${GOOD}&expand=meter`, 'parameter_invalid', 'expand', 'a list of strings'],
  ])('%s is refused', (body, code, param, fragment) => {
    const refusal = refusalOf(() => form(body))
    expect(refusal).toMatchObject({ code, param })
    expect(refusal.message).toContain(fragment)
  })

  it('are refused for the first reason in order of declaration', () => {
    expect(refusalOf(() => form('formula=x&timestamp=x&payload[a]=b&event_name=e')).param).toBe('timestamp')
  })

  it('count characters, not UTF-16 units', () => {
    expect(form(`event_name=${encodeURIComponent('🦙'.repeat(10))}&payload[a]=b`).event_name).toHaveLength(20)
  })

  it('keep every key of a string map, on a map without a prototype', () => {
    const { payload } = form('event_name=e&payload[__proto__]=1&payload[constructor]=2&payload[value]=')
    expect(Object.getPrototypeOf(payload)).toBeNull()
    expect(Object.entries(payload)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['value', ''],
    ])
  })

  it.each(['0', '1', '2026', '499', '500', '00', '-1', '1.5', '99999999999999999999', '4294967295'])(
    'may have the key %s in a string map, alone and beside others',
    (key) => {
      const entries = (body: string) => Object.entries(form(`event_name=e&${body}`).payload)
      expect(entries(`payload[${key}]=x`)).toEqual([[key, 'x']])
      for (const body of [`payload[value]=5&payload[${key}]=x`, `payload[${key}]=x&payload[value]=5`]) {
        expect(new Map(entries(body))).toEqual(
          new Map([
            ['value', '5'],
            [key, 'x'],
          ]),
        )
      }
      expect(Object.getPrototypeOf(form(`event_name=e&payload[${key}]=x`).payload)).toBeNull()
    },
  )

  it('keep a list in the order of its indexes, and a string map with any whole numbers, however they are sent', () => {
    const number = fc.oneof(fc.nat({ max: 12 }), fc.nat())
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 1, maxLength: 30 }), (keys) => {
        const map = keys.map((key) => `payload[${key}]=v${key}`).join('&')
        const { payload } = form(`event_name=e&${map}`)
        expect({ ...payload }).toEqual(Object.fromEntries(keys.map((key) => [key, `v${key}`])))
        const order = keys.map((_, index) => index).sort((one, other) => (keys[one] ?? 0) - (keys[other] ?? 0))
        const list = order.map((index) => `keys[${index}]=v${index}`).join('&')
        expect(form(`${GOOD}&${list}`).keys).toEqual(keys.map((_, index) => `v${index}`))
      }),
    )
  })

  it('of a JSON body must be text where text is due', () => {
    const read = (body: string) => readParameters(EventParameters, parseJsonBody(Buffer.from(body)))
    expect(refusalOf(() => read('{"event_name":5,"payload":{}}'))).toMatchObject({ param: 'event_name' })
    expect(refusalOf(() => read('{"event_name":"e","payload":{"value":5}}'))).toMatchObject({ param: 'payload[value]' })
    expect(refusalOf(() => read('{"event_name":"e","payload":{"__proto__":5}}')).param).toBe('payload[__proto__]')
    expect(refusalOf(() => read('{"event_name":"e","payload":["5"]}')).message).toContain('must be a hash')
    expect(refusalOf(() => read('{"event_name":"e","payload":{},"keys":{"0":"a"}}')).message).toContain('a list of')
    expect(refusalOf(() => read('{"event_name":null,"payload":{}}')).code).toBe('parameter_missing')
    expect(read('{"event_name":"e","payload":{},"formula":null}').formula).toBeUndefined()
    expect(Object.keys(read('{"event_name":"e","payload":{"__proto__":"5"}}').payload)).toEqual(['__proto__'])
  })

  it('may be a list of hashes', () => {
    expect(stream({ events: [{ event_name: 'a' }, { event_name: 'b' }] }).events[1]).toBeInstanceOf(JsonEvent)
    for (const [body, param, code] of [
      [{}, 'events', 'parameter_missing'],
      [{ events: [] }, 'events', 'parameter_invalid'],
      [{ events: 'x' }, 'events', 'parameter_invalid'],
      [{ events: { event_name: 'a' } }, 'events', 'parameter_invalid'],
      [{ events: [{}, {}, {}] }, 'events', 'parameter_invalid'],
      [{ events: [{ event_name: 'a' }, 5] }, 'events[1]', 'parameter_invalid'],
      [{ events: [{ event_name: 'a' }, null] }, 'events[1]', 'parameter_invalid'],
      [{ events: [{ event_name: 'a' }, {}] }, 'events[1][event_name]', 'parameter_missing'],
      [{ events: [{ event_name: 'a', x: 1 }] }, 'events[0][x]', 'parameter_unknown'],
    ] as const) {
      expect(refusalOf(() => stream(body))).toMatchObject({ param, code })
    }
  })

  it.each([
    ['2026-01-15T10:00:00Z', NOW],
    ['2026-01-15T10:00:00.000Z', NOW],
    ['2026-01-15t10:00:00z', NOW],
    ['2026-01-15T12:30:00+02:30', NOW],
    ['2026-01-15T04:00:00.5-06:00', NOW + 500],
    ['2026-01-15T10:00:00.123999999Z', NOW + 123],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ])('read the timestamp %s', (text, instant) => expect(event(text)?.timestamp).toBe(instant))

  it.each([
    '2026-01-15',
    '2026-01-15 10:00:00Z',
    '2026-01-15T10:00Z',
    '2026-01-15T10:00:00',
    '2026-02-29T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-00-10T10:00:00Z',
    '2026-01-15T24:00:00Z',
    '2026-01-15T10:60:00Z',
    '2026-01-15T10:00:60Z',
    '2026-01-15T10:00:00.Z',
    '2026-01-15T10:00:00.1234567890Z',
    '2026-01-15T10:00:00+24:00',
    '0050-01-15T10:00:00Z',
    ' 2026-01-15T10:00:00Z',
    1768471200,
    1768471200000,
    {},
  ])('refuse the timestamp %j', (timestamp) => {
    expect(refusalOf(() => event(timestamp))).toMatchObject({
      code: 'parameter_invalid',
      param: 'events[0][timestamp]',
    })
  })

  it('of random kinds are a DTO or a refusal', () => {
    const names = fc.constantFrom('event_name', 'payload', 'cancel', 'expand', 'keys', '__proto__', 'constructor')
    const hostile = fc.oneof(fc.jsonValue(), fc.dictionary(fc.oneof(names, fc.string()), fc.jsonValue()))
    fc.assert(
      fc.property(hostile, fc.constantFrom<DtoClass>(EventParameters, StreamParameters), (raw, Dto) => {
        try {
          readParameters(Dto, raw)
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('are described to the API documentation by the same decorator', async () => {
    await loadSwagger()
    const described = (property: string): unknown =>
      Reflect.getMetadata('swagger/apiModelProperties', EventParameters.prototype, property)
    expect(described('event_name')).toMatchObject({ required: true, maxLength: 10 })
    expect(described('timestamp')).toMatchObject({ required: false, type: 'integer', minimum: -5 })
  })
})

describe('A list', () => {
  const page = (query: string) => readParameters(ListParameters, parseForm(query))

  it('has 10 objects on a page unless another number up to 100 is asked for', () => {
    expect(page('').limit).toBe(10)
    expect(page('limit=100').limit).toBe(100)
    for (const limit of ['0', '101', '-1', 'ten', '1.0']) {
      expect(refusalOf(() => page(`limit=${limit}`))).toMatchObject({
        code: 'parameter_invalid_integer',
        param: 'limit',
      })
    }
  })

  it('is walked forwards or backwards, not both', () => {
    expect(page('starting_after=a').starting_after).toBe('a')
    expect(page('ending_before=b').ending_before).toBe('b')
    expect(refusalOf(() => page('starting_after=a&ending_before=b'))).toMatchObject({ code: 'parameters_exclusive' })
  })

  it('is in the envelope of v1', () => {
    expect(list('/v1/billing/meters', [{ id: 'mtr_1' }], true)).toEqual({
      object: 'list',
      data: [{ id: 'mtr_1' }],
      has_more: true,
      url: '/v1/billing/meters',
    })
  })
})

describe('What is accepted without class-validator', () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('', 'x', '5', '-1', '007', '1.5', '9007199254740993', 'x'.repeat(101), 'x'.repeat(251)),
      fc.constantFrom<unknown>(
        'sum',
        'hour',
        'raw',
        'cancel',
        'customer_mapping',
        'active',
        '2026-01-15T10:00:00Z',
        null,
      ),
      fc.constantFrom<unknown>(0, 5, -3, 1.5, true, NaN, 1e20),
      fc.array(tie('value'), { maxLength: 12 }),
      fc.dictionary(fc.constantFrom('a', 'formula', 'identifier', 'event_payload_key', 'type', 'gte'), tie('value')),
    ),
  })).value

  const cancel = { event_name: 'tokens', type: 'cancel', cancel: { identifier: 'id-1' } }
  const event = { event_name: 'tokens', payload: { a: 'x' }, identifier: 'id-1' }
  const meter = { display_name: 'Tokens', event_name: 'tokens', default_aggregation: { formula: 'sum' } }

  it.each([
    [CreateMeterEventParameters, { ...event, timestamp: '5' }],
    [CreateV2MeterEventParameters, { ...event, timestamp: '2026-01-15T10:00:00Z' }],
    [CreateMeterEventAdjustmentParameters, cancel],
    [CreateV2MeterEventAdjustmentParameters, cancel],
    [CreateMeterParameters, { ...meter, event_time_window: 'hour', dimension_payload_keys: ['a'] }],
    [ListMetersParameters, { status: 'active', limit: '5', starting_after: 'x', ending_before: 'x' }],
  ] as [DtoClass, object][])('is what class-validator accepts: %p', (Dto, example) => {
    // Each parameter as it should be, left out, or anything.
    const parameters = Object.entries(example).map(([name, good]) =>
      fc
        .oneof({ weight: 4, arbitrary: fc.constant<unknown>(good) }, fc.constant(undefined), value)
        .map((given) => [name, given] as const),
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.tuple(...parameters), (given) => {
        let dto: object
        try {
          dto = buildDto(Dto, Object.fromEntries(given), '')
        } catch (error) {
          // A parameter that is not known within one that is.
          expect(error).toBeInstanceOf(ApiError)
          return
        }
        if (isAcceptable(Dto, dto)) accepted++
        const errors = validateSync(dto, { forbidUnknownValues: false })
        expect(isAcceptable(Dto, dto)).toBe(errors.length === 0)
      }),
      { numRuns: 1_000 },
    )
    expect(accepted).toBeGreaterThan(0)
  })
})
