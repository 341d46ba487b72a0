export const CSV_HEADER = 'customer,value,records\r\n';
export function csvLine({ customer, value, records }) {
    // Value and records are numbers, which need neither quotes nor care.
    return `${textCell(customer)},${value},${records}\r\n`;
}
const BEGINS_LIKE_A_FORMULA = /^\s*[=+\-@|%＝＋－＠]|^[\t\r\n]/;
function textCell(text) {
    const plain = BEGINS_LIKE_A_FORMULA.test(text) ? `'${text}` : text;
    return `"${plain.replaceAll('"', '""')}"`;
}
//# sourceMappingURL=usage-csv.js.map