/** A stored row beside what folding the log gives, as audits and rebuilds tell it. */
import { decimal, mapOf, nullable, oneOf, text } from './stripe/answer-schemas.js'

const value = oneOf([nullable(text()), decimal()])

export const differenceFields = {
  table: text(),
  key: mapOf(value, 'Columns of the key → values.'),
  expected: nullable(mapOf(value, 'What folding the log gives; null: no such row.')),
  found: nullable(mapOf(value, 'What is stored; null: nothing.')),
  customer: nullable(text('Whom it is about; null: nobody.')),
  meter: nullable(text('Id of the meter it is about; null: of none.')),
}
