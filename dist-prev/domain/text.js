/** Whether a text has more than `max` characters (code points, not UTF-16 units). */
export function isLongerThan(text, max) {
    if (text.length <= max)
        return false;
    // A character is at most two units, so only texts in between need counting.
    return text.length > 2 * max || [...text].length > max;
}
//# sourceMappingURL=text.js.map