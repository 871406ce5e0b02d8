// Judges by a package's TypeScript types: what a client's own compiler would refuse is refused here.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const HELPERS = `
type Needed<T> = { [K in keyof T]-?: {} extends Pick<T, K> ? never : K }[keyof T];
type Without<T, K> = T extends unknown ? Omit<T, Extract<keyof T, K>> : never;
`;

// Types as they stand in files of `sdks`: `imports` are the lines that bring them in.
export function types(sdks, imports) {
  const require = createRequire(join(sdks, 'index.js'));
  const ts = require('typescript');
  const file = join(sdks, 'contract.ts');
  let [text, version] = ['', 0];
  const host = {
    getCompilationSettings: () => ({
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      moduleResolution: ts.ModuleResolutionKind.Node10,
    }),
    getScriptFileNames: () => [file],
    getScriptVersion: (name) => (name === file ? String(version) : '0'),
    getScriptSnapshot: (name) => {
      if (name === file) return ts.ScriptSnapshot.fromString(text);
      return ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(readFileSync(name, 'utf8')) : undefined;
    },
    getCurrentDirectory: () => dirname(sdks),
    getDefaultLibFileName: () => require.resolve('typescript/lib/lib.es2022.d.ts'),
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  };
  const service = ts.createLanguageService(host, ts.createDocumentRegistry());

  // Each statement stands in a line of its own; the answer has for each what is wrong with it, or null.
  function complaints(statements) {
    const head = `${imports}\n${HELPERS}`;
    text = `${head}\n${statements.map((one) => one.replace(/\s*\n\s*/g, ' ')).join('\n')}\n`;
    version += 1;
    const first = head.split('\n').length;
    const said = statements.map(() => null);
    for (const one of [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)]) {
      const line = ts.getLineAndCharacterOfPosition(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022), one.start).line - first;
      const message = ts.flattenDiagnosticMessageText(one.messageText, '; ').replace(/\s+/g, ' ').slice(0, 300);
      if (line < 0) throw new Error(`the types themselves can't be read: ${message}`);
      if (line >= said.length) throw new Error(`a statement is not whole: ${message}`);
      said[line] ??= message;
    }
    return said;
  }

  // What a word in a URL can stand for: a word, a number, a truth value, or a list with commas.
  function readings(values) {
    const one = (value) => [JSON.stringify(value), ...(/^-?\d+(\.\d+)?$/.test(value) ? [value] : []), ...(/^(true|false)$/.test(value) ? [value] : [])];
    if (values.length === 1 && !values.list) {
      const parts = values[0].split(',');
      return [...one(values[0]), ...[JSON.stringify(parts), ...(parts.every((part) => /^\d+$/.test(part)) ? [`[${parts}]`] : [])]];
    }
    return [JSON.stringify(values), `[${values}]`];
  }

  return {
    // A body against a type.
    body(type, value) {
      return complaints([`const body: ${type} = ${JSON.stringify(value)};`])[0];
    },
    // A query (names and values) against a type of its parameters.
    query(type, parameters) {
      const statements = [`type Query = ${type};`];
      const places = [...parameters].map(([name, values]) => {
        const from = statements.length;
        statements.push(...readings(values).map((reading, index) => `const _${from + index}: NonNullable<Query>[${JSON.stringify(name)}] = ${reading};`));
        return [name, from, statements.length];
      });
      const given = [...parameters.keys()].map((name) => JSON.stringify(name)).join(' | ') || 'never';
      statements.push(`const needed: [Exclude<Needed<NonNullable<Query>>, ${given}>] extends [never] ? true : Exclude<Needed<NonNullable<Query>>, ${given}> = true;`);
      const said = complaints(statements);
      if (said[0]) return said[0];
      for (const [name, from, to] of places) {
        if (said.slice(from, to).every(Boolean)) return `?${name}: ${said[from]}`;
      }
      return said.at(-1) && `a parameter is missing: ${said.at(-1)}`;
    },
  };
}
