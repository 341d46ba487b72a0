/**
 * Rows of whole numbers as bytes: column by column, each number as its distance from the least of its column in as few
 * bytes as the column needs, with a checksum. Neighbours in a sorted run are alike, so a row takes some ten bytes.
 */
import { crc32 } from 'node:zlib';
/** Bytes of a number: its distance from the least; or, of the widest, the number itself as a double. */
const WIDTHS = [0, 1, 2, 4];
const DOUBLE_BYTES = 8;
/** Checksum and number of rows, then for each column its least and its width, a double each. */
const HEAD_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** @throws where a column could not hold it. */
export function wholeNumber(value) {
    if (Number.isSafeInteger(value))
        return value;
    throw new Error(`${String(value)} is not a whole number that a run can hold.`);
}
/** Of `rows` rows of `width` numbers that stand one behind the other in `values`. `place`: where the bytes are to be kept. */
export function packColumns(values, rows, width, place = 0) {
    const least = new Float64Array(width);
    const bytes = new Array(width);
    let size = HEAD_BYTES + 2 * DOUBLE_BYTES * width;
    for (let column = 0; column < width; column++) {
        let low = Infinity;
        let high = -Infinity;
        for (let at = column; at < rows * width; at += width) {
            const value = values[at];
            if (value < low)
                low = value;
            if (value > high)
                high = value;
        }
        least[column] = low;
        bytes[column] = WIDTHS.find((each) => high - low < 2 ** (8 * each)) ?? DOUBLE_BYTES;
        size += padded(bytes[column] * rows);
    }
    const packed = new ArrayBuffer(size);
    const head = new Float64Array(packed, HEAD_BYTES, 2 * width);
    let from = HEAD_BYTES + 2 * DOUBLE_BYTES * width;
    for (let column = 0; column < width; column++) {
        const each = bytes[column];
        const low = least[column];
        head[2 * column] = low;
        head[2 * column + 1] = each;
        if (each === 0)
            continue;
        const stored = numbers(packed, from, rows, each);
        const base = each === DOUBLE_BYTES ? 0 : low;
        for (let row = 0, at = column; row < rows; row++, at += width)
            stored[row] = values[at] - base;
        from += padded(each * rows);
    }
    const buffer = Buffer.from(packed);
    buffer.writeUInt32LE(rows, 4);
    buffer.writeUInt32LE(checksum(buffer, place), 0);
    return buffer;
}
/** The rows again, one behind the other; null where the bytes are not what was packed for that place. */
export function unpackColumns(buffer, width, place = 0) {
    const headEnd = HEAD_BYTES + 2 * DOUBLE_BYTES * width;
    if (buffer.length < headEnd || buffer.readUInt32LE(0) !== checksum(buffer, place))
        return null;
    const rows = buffer.readUInt32LE(4);
    const aligned = buffer.byteOffset % DOUBLE_BYTES === 0 ? buffer : Buffer.from(Uint8Array.from(buffer).buffer);
    const { buffer: bytes, byteOffset } = aligned;
    const head = new Float64Array(bytes, byteOffset + HEAD_BYTES, 2 * width);
    const values = new Float64Array(rows * width);
    let from = byteOffset + headEnd;
    for (let column = 0; column < width; column++) {
        const low = head[2 * column];
        const each = head[2 * column + 1];
        if (each === 0) {
            for (let at = column; at < values.length; at += width)
                values[at] = low;
            continue;
        }
        const stored = numbers(bytes, from, rows, each);
        const base = each === DOUBLE_BYTES ? 0 : low;
        for (let row = 0, at = column; row < rows; row++, at += width)
            values[at] = stored[row] + base;
        from += padded(each * rows);
    }
    return values;
}
function numbers(bytes, from, count, each) {
    if (each === 1)
        return new Uint8Array(bytes, from, count);
    if (each === 2)
        return new Uint16Array(bytes, from, count);
    if (each === 4)
        return new Uint32Array(bytes, from, count);
    return new Float64Array(bytes, from, count);
}
/** The place is part of it, so that whole blocks that were exchanged are noticed as well. */
function checksum(buffer, place) {
    return crc32(buffer.subarray(CHECKSUM_BYTES), place % 2 ** 32);
}
function padded(bytes) {
    return Math.ceil(bytes / DOUBLE_BYTES) * DOUBLE_BYTES;
}
//# sourceMappingURL=packed-columns.js.map