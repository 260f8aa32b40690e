declare var require: any;
const yunquePrint: (number: number, act: () => any) => void = (() => {
  const write: any = require('node:fs').writeSync, { getPrototypeOf, keys } = Object, { isArray } = Array;
  const { stringify } = JSON, text = String, plain = Object.prototype, sort = Array.prototype.sort;
  const nameOf = Object.prototype.toString;
  function show(value: any, depth: number): string {
    if (depth > 60) return '?deep';
    if (value === null || value === undefined) return 'null';
    if (typeof value === 'number') return value === 0 ? '0' : text(value);
    if (typeof value === 'boolean' || (typeof value as string) === "bigint") return text(value);
    if (typeof value === 'string') return stringify(value);
    if (typeof value !== 'object') return '?' + typeof value;
    let parts = '';
    if (isArray(value)) {
      if (keys(value).length !== value.length) return '?array';
      for (let at = 0; at < value.length; at++) parts += (at ? ',' : '') + show(value[at], depth + 1);
      return '[' + parts + ']';
    }
    const kind = getPrototypeOf(value);
    if ((kind !== plain && kind !== null) || nameOf.call(value) !== '[object Object]') return '?object';
    for (const key of sort.call(keys(value))) parts += stringify(key) + ':' + show(value[key], depth + 1) + ',';
    return '{' + parts + '}';
  }
  return (number: number, act: () => any) => {
    let line: string;
    try { line = show(act(), 0); } catch (error) { line = '?raised'; }
    write(1, '\n\x1e' + number + ' ' + line + '\n');
  };
})();
