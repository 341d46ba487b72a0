const PAGE_BYTES = 4 * 1024 * 1024;
const FIRST_ROWS = 250;
const LEAST_ROWS = 16;
const GROWTH = 2;
const SAMPLED_ROWS = 16;
export class PageLimit {
    rowsMax;
    limit;
    constructor(rowsMax) {
        this.rowsMax = rowsMax;
        this.limit = Math.min(FIRST_ROWS, rowsMax);
    }
    get rows() {
        return this.limit;
    }
    /** Rows that follow are taken to be like the last ones that were read. */
    saw(page) {
        const sample = page.slice(-SAMPLED_ROWS);
        if (sample.length === 0)
            return;
        this.sawRows(sample.reduce((sum, row) => sum + bytesOf(row), 0) / sample.length);
    }
    /** `bytes`: about as many as each of the last rows takes. */
    sawRows(bytes) {
        const most = Math.min(this.limit * GROWTH, this.rowsMax, Math.floor(PAGE_BYTES / bytes));
        this.limit = Math.max(most, LEAST_ROWS);
    }
}
/** About as many as it takes in memory. */
function bytesOf(row) {
    let bytes = 0;
    for (const value of row)
        bytes += typeof value === 'string' ? value.length : 8;
    return bytes;
}
//# sourceMappingURL=page-limit.js.map