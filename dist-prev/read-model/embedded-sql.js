import { createRunsStatements } from './sorted-runs.js';
export const REGISTRY = `
  CREATE TABLE IF NOT EXISTS projections (
    name TEXT PRIMARY KEY,
    schema INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position TEXT,
    sequence INTEGER NOT NULL,
    event TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tables (
    name TEXT PRIMARY KEY,
    projection TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS builds (
    name TEXT PRIMARY KEY,
    schema INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position TEXT,
    sequence INTEGER NOT NULL,
    event TEXT,
    keep INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS replaced (
    physical TEXT PRIMARY KEY,
    kept INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
export function createStatements(table, generation) {
    const physical = `${table.name}_${generation}`;
    if (table.adding)
        return createRunsStatements(physical, table.key.length);
    const columns = Object.entries(table.columns).map(([column, type]) => type.endsWith('?') ? `${sql(column)} ${type.slice(0, -1)}` : `${sql(column)} ${type} NOT NULL`);
    const rowid = table.key.length === 1 && table.columns[table.key[0]] === 'integer';
    const key = `PRIMARY KEY (${table.key.map(sql).join(', ')})`;
    return [
        `CREATE TABLE ${physical} (${[...columns, key].join(', ')}) STRICT${rowid ? '' : ', WITHOUT ROWID'}`,
        ...Object.entries(table.indexes).flatMap(([name, { columns: indexed, unique, isScattered }]) => isScattered
            ? createRunsStatements(`${physical}_${name}`, indexed.length)
            : [
                `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${physical}_${name} ON ${physical} (${indexed.map(sql).join(', ')})`,
            ]),
    ];
}
export function columnsOf(table, index) {
    if (index === undefined)
        return table.key;
    const columns = table.indexes[index]?.columns;
    if (!columns)
        throw new Error(`Table ${table.name} has no index ${index}.`);
    return columns;
}
export function argumentsOf(range) {
    const { prefix = [], from, to, after = [], limit } = range;
    const bounds = [from, to].filter((bound) => bound !== undefined);
    return [...prefix, ...bounds, ...after, ...filterArguments(range), limit];
}
/** Conditions on columns that are none of the index, and their arguments. */
export function filtersOf({ where = {}, within = [] }) {
    // The plus keeps the engine on the index that was named: it would take another that begins with one of these.
    return [...Object.keys(where).map((column) => `+${sql(column)} IS ?`), ...within.map(boundsOf)];
}
export function filterArguments({ where = {}, within = [] }) {
    const bounds = within.flatMap((each) => [each.from, each.to]).filter((bound) => bound !== undefined);
    return [...Object.values(where), ...bounds];
}
/** SQL of bounds on a column that is none of the index. */
function boundsOf({ column, from, to, orNull }) {
    const bounds = [
        from === undefined ? [] : `+${sql(column)} >= ?`,
        to === undefined ? [] : `+${sql(column)} < ?`,
    ].flat();
    const inside = bounds.length === 0 ? 'TRUE' : bounds.join(' AND ');
    return orNull ? `(+${sql(column)} IS NULL OR (${inside}))` : `(${inside})`;
}
export function columnNames(table) {
    return Object.keys(table.columns);
}
export function columnList(table) {
    return columnNames(table)
        .map((column) => (sql(column) === column ? column : `${sql(column)} AS ${column}`))
        .join(', ');
}
export function insertList(table, rows) {
    const columns = columnNames(table);
    const values = `(${columns.map(() => '?').join(', ')})`;
    return `(${columns.map(sql).join(', ')}) VALUES ${new Array(rows).fill(values).join(', ')}`;
}
/**
 * A query for one row that has, for each of some columns, the values of all rows as a JSON array. Where very many rows are
 * read, taking their values over one by one is most of the cost. `rest`: what follows `SELECT … ` and says which rows.
 */
export function selectInColumns(columns, rest) {
    const named = columns.map((column, place) => `${sql(column)} AS column${place}`);
    const arrays = columns.map((_, place) => `json_group_array(column${place})`);
    return `SELECT ${arrays.join(', ')} FROM (SELECT ${named.join(', ')} ${rest})`;
}
/** The rows of such an answer, their values in the order of the columns. */
export function rowsOfColumns(answer) {
    const columns = answer.map((values) => JSON.parse(values));
    const count = columns[0]?.length ?? 0;
    const rows = new Array(count);
    for (let at = 0; at < count; at++) {
        const row = new Array(columns.length);
        for (let place = 0; place < columns.length; place++)
            row[place] = columns[place][at];
        rows[at] = row;
    }
    return rows;
}
/** `occurredAt` → `occurred_at`. */
export function sql(column) {
    return column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
//# sourceMappingURL=embedded-sql.js.map