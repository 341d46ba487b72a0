/**
 * RFC 3339 instants, as v2 writes them. Any offset is read, UTC is written.
 *
 * Digits finer than a millisecond are cut off, not refused: Go and Python clients send micro- and nanoseconds by default, and
 * cutting towards the past maps the same text to the same instant each time, so a retry is still recognised.
 */
const USUAL_LENGTH = '2026-01-15T10:00:00.000Z'.length;
const DIGIT_ZERO = 48;
const DATE_LENGTH = 'YYYY-MM-DD'.length;
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
/** The last date read and its midnight: the events of a batch are mostly of one day. */
let lastDate = '';
let lastMidnight = null;
/** Milliseconds since the epoch, or null if the text is no instant. A leap second (`:60`) has none. */
export function parseTimestamp(text) {
    return parseUsual(text) ?? parseAny(text);
}
/** As `Date` writes it: `2026-01-15T10:00:00.000Z` on the date read last. null for anything else. */
function parseUsual(text) {
    if (text.length !== USUAL_LENGTH || lastMidnight === null || !text.startsWith(lastDate))
        return null;
    if (text[10] !== 'T' || text[13] !== ':' || text[16] !== ':' || text[19] !== '.' || text[23] !== 'Z')
        return null;
    const hour = digitAt(text, 11) * 10 + digitAt(text, 12);
    const minute = digitAt(text, 14) * 10 + digitAt(text, 15);
    const second = digitAt(text, 17) * 10 + digitAt(text, 18);
    const millisecond = digitAt(text, 20) * 100 + digitAt(text, 21) * 10 + digitAt(text, 22);
    // Not a number where one of them is no digit.
    const isTime = hour <= 23 && minute <= 59 && second <= 59 && millisecond <= 999;
    return isTime ? lastMidnight + ((hour * 60 + minute) * 60 + second) * 1000 + millisecond : null;
}
function digitAt(text, index) {
    const digit = text.charCodeAt(index) - DIGIT_ZERO;
    return digit >= 0 && digit <= 9 ? digit : NaN;
}
function parseAny(text) {
    const match = RFC_3339.exec(text);
    if (!match)
        return null;
    const [, , , , hourText, minuteText, secondText, fraction = '', sign, offsetHoursText = '0', offsetMinutesText = '0',] = match;
    const hour = Number(hourText);
    const minute = Number(minuteText);
    const second = Number(secondText);
    const offsetHours = Number(offsetHoursText);
    const offsetMinutes = Number(offsetMinutesText);
    if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59)
        return null;
    const midnight = midnightOf(text.slice(0, DATE_LENGTH));
    if (midnight === null)
        return null;
    const millisecond = Number(fraction.slice(0, 3).padEnd(3, '0'));
    const offset = (sign === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
    return midnight + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millisecond;
}
function midnightOf(date) {
    if (date === lastDate)
        return lastMidnight;
    const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
    const midnight = new Date(Date.UTC(year, month - 1, day));
    // `Date` carries 30 February over into March; a real date comes back as it went in.
    const isReal = midnight.getUTCFullYear() === year && midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
    lastDate = date;
    lastMidnight = isReal ? midnight.getTime() : null;
    return lastMidnight;
}
export function formatTimestamp(instant) {
    return new Date(instant).toISOString();
}
//# sourceMappingURL=timestamp.js.map