// @woocommerce/data: the types of WooCommerce's own admin pages. They tell what products and orders are asked for by, and
// customers not at all.

import { types } from './types.mjs';
import { operations } from './operations.mjs';

export function woocommerce(sdks) {
  const judge = types(sdks, `import type { ProductQuery } from '@woocommerce/data/build-types/products/types';
    import type { OrdersQuery } from '@woocommerce/data/build-types/orders/types';`);
  return operations([
    { method: 'GET', path: '/wp-json/wc/v3/products', query: (asked) => judge.query('Partial<ProductQuery>', asked) },
    { method: 'GET', path: '/wp-json/wc/v3/orders', query: (asked) => judge.query('Partial<OrdersQuery>', asked) },
    { method: 'GET', path: '/wp-json/wc/v3/orders/{id}' },
  ]);
}
