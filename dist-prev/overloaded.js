/** More is asked of this process than it takes on. Nothing was done; try again in a moment. The API answers it by its name. */
export class Overloaded extends Error {
    name = 'Overloaded';
}
//# sourceMappingURL=overloaded.js.map