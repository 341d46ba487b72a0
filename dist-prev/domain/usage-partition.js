/**
 * Which partition of a ledger's usage a record belongs to. Record, duplicate and cancellation of one identifier meet in one
 * partition, so this function is permanent: FNV-1a (32 bits) over the UTF-16 units of `<meter id> <identifier>`.
 */
export function usagePartition(meterId, identifier, partitions) {
    let hash = 0x811c9dc5;
    const text = `${meterId} ${identifier}`;
    for (let index = 0; index < text.length; index++) {
        hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    return (hash >>> 0) % partitions;
}
//# sourceMappingURL=usage-partition.js.map