// Judges by a list of operations that was read out of a vendor's package.

// The parameters of a query: a name, and its values. `a[]=1&a[]=2` and `a[0]=1&a[1]=2` are the list `a`.
export function parameters(search) {
  const all = new Map();
  for (const [key, value] of new URLSearchParams(search)) {
    const name = key.replace(/\[\d*\]$/, '');
    const values = all.get(name) ?? [];
    values.push(value);
    if (name !== key) values.list = true;
    all.set(name, values);
  }
  return all;
}

// An operation is `{ method, path, query(parameters), body(value) }`: the path has `{names}`, and both functions say what
// is wrong, or nothing. Without `body` there is none to be sent; without `query` no parameter.
export function operations(all) {
  const known = all.map((one) => {
    const parts = one.path.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return { ...one, fixed: parts.join('').length, pattern: new RegExp(`^${parts.join('[^/]+')}$`) };
  });
  return {
    refuses({ method, path, body }) {
      const { pathname, search } = new URL(path, 'http://loopback');
      const here = known.filter((one) => one.pattern.test(pathname)).sort((a, b) => b.fixed - a.fixed);
      if (here.length === 0) return '404 no such path';
      const one = here.find((each) => each.method === method && each.fixed === here[0].fixed);
      if (!one) return '405 no such method';
      const asked = parameters(search);
      if (!one.query && asked.size > 0) return `no parameter is described, and ${[...asked.keys()].join(', ')} sent`;
      const query = one.query && one.query(asked);
      if (query) return query;
      if (!one.body) return body === null || body === undefined ? null : 'no body is described';
      return body === null || body === undefined ? 'a body is missing' : (one.body(body) ?? null);
    },
    close() {},
  };
}

// For descriptions that have names only: those not in the list are refused.
export function named(names) {
  return (asked) => {
    const strange = [...asked.keys()].filter((name) => !names.includes(name));
    return strange.length > 0 ? `no such parameter: ${strange.join(', ')}` : null;
  };
}
