import { createStatements, REGISTRY } from './embedded-sql.js';
export class EmbeddedTables {
    database;
    constructor(database) {
        this.database = database;
    }
    /** Makes what is missing; a projection with another schema number loses its tables and starts from the beginning. */
    prepare(projections) {
        this.database.exec(REGISTRY);
        const select = this.database.prepare('SELECT schema, generation FROM projections WHERE name = ?');
        const register = this.database.prepare('INSERT OR REPLACE INTO projections VALUES (?, ?, ?, NULL, 0, NULL)');
        const assign = this.database.prepare('INSERT OR REPLACE INTO tables VALUES (?, ?)');
        this.database
            .transaction(() => {
            for (const { projection, schema, tables } of projections) {
                const known = select.get(projection);
                if (known?.schema === schema)
                    continue;
                this.dropBuild(projection);
                if (known)
                    this.dropTables(projection, known.generation);
                const generation = (known?.generation ?? 0) + 1;
                register.run(projection, schema, generation);
                for (const table of tables) {
                    assign.run(table.name, projection);
                    for (const statement of createStatements(table, generation))
                        this.database.exec(statement);
                }
            }
        })
            .immediate();
    }
    beginBuild(projections, keep) {
        this.transaction(() => {
            this.dropBuilds();
            for (const { projection, schema, tables } of projections) {
                const { generation } = this.database
                    .prepare('SELECT schema, generation FROM projections WHERE name = ?')
                    .get(projection);
                this.database
                    .prepare('INSERT INTO builds VALUES (?, ?, ?, NULL, 0, NULL, ?)')
                    .run(projection, schema, generation + 1, keep ? 1 : 0);
                for (const table of tables) {
                    this.dropTable(`${table.name}_${generation + 1}`);
                    for (const statement of createStatements(table, generation + 1))
                        this.database.exec(statement);
                }
            }
        });
    }
    builds() {
        const rows = this.database
            .prepare('SELECT name, position, sequence, event FROM builds')
            .all();
        return new Map(rows.map(({ name, ...checkpoint }) => [name, checkpoint]));
    }
    abandonBuild() {
        this.transaction(() => this.dropBuilds());
    }
    switchBuild() {
        this.transaction(() => {
            this.database.exec(`
        INSERT OR REPLACE INTO replaced
          SELECT tables.name || '_' || projections.generation, builds.keep FROM builds
          JOIN projections ON projections.name = builds.name JOIN tables ON tables.projection = builds.name;
        INSERT OR REPLACE INTO projections SELECT name, schema, generation, position, sequence, event FROM builds;
        DELETE FROM builds;
      `);
        });
    }
    dropReplaced(kept) {
        const next = this.database
            .prepare('SELECT physical FROM replaced WHERE kept <= ? LIMIT 1')
            .get(kept ? 1 : 0);
        if (!next)
            return false;
        this.transaction(() => {
            this.dropTable(next.physical);
            this.database.prepare('DELETE FROM replaced WHERE physical = ?').run(next.physical);
        });
        return true;
    }
    transaction(change) {
        this.database.transaction(change).immediate();
    }
    dropBuilds() {
        for (const name of this.builds().keys())
            this.dropBuild(name);
    }
    dropBuild(projection) {
        const tables = this.database
            .prepare(`SELECT tables.name || '_' || generation AS physical FROM builds
         JOIN tables ON tables.projection = builds.name WHERE builds.name = ?`)
            .all(projection);
        for (const { physical } of tables)
            this.dropTable(physical);
        this.database.prepare('DELETE FROM builds WHERE name = ?').run(projection);
    }
    reset(projections) {
        this.database
            .transaction(() => {
            this.dropBuilds();
            for (const { projection, tables } of projections) {
                for (const table of tables) {
                    for (const name of this.tablesOf(this.physical(table, 'live')))
                        this.database.exec(`DELETE FROM ${name}`);
                }
                this.database
                    .prepare('UPDATE projections SET position = NULL, sequence = 0, event = NULL WHERE name = ?')
                    .run(projection);
            }
        })
            .immediate();
    }
    schemas() {
        const isMade = this.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'projections'").get();
        if (isMade === undefined)
            return new Map();
        const known = this.database.prepare('SELECT name, schema FROM projections');
        return new Map(known.all().map(({ name, schema }) => [name, schema]));
    }
    physical({ name }, view) {
        const generationIn = (registry) => this.database
            .prepare(`SELECT generation FROM tables JOIN ${registry} ON ${registry}.name = tables.projection WHERE tables.name = ?`)
            .get(name)?.generation;
        const generation = (view === 'building' ? generationIn('builds') : undefined) ?? generationIn('projections');
        if (generation === undefined)
            throw new Error(`The read model has no table ${name}.`);
        return `${name}_${generation}`;
    }
    dropTables(projection, generation) {
        const names = this.database
            .prepare('SELECT name FROM tables WHERE projection = ?')
            .all(projection);
        for (const { name } of names)
            this.dropTable(`${name}_${generation}`);
        this.database.prepare('DELETE FROM tables WHERE projection = ?').run(projection);
    }
    /** With the runs that belong to it. */
    dropTable(physical) {
        for (const name of this.tablesOf(physical))
            this.database.exec(`DROP TABLE ${name}`);
    }
    tablesOf(physical) {
        const select = this.database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND (name = ? OR substr(name, 1, length(?) + 1) = ? || '_')");
        return select.all(physical, physical, physical).map(({ name }) => name);
    }
}
//# sourceMappingURL=embedded-tables.js.map