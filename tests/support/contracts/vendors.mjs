// Who is judged, and by what.
//
//   spec         the file in SPECS that describes the API, and `by` what reads it
//   sdk          what reads the vendor's own packages, and `packages` which: their versions are in sdks.json
//   undescribed  actions whose paths the description does not have
//   gaps         what it lacks of a request that it has (`?name` in the query, `name` in the body), and why we send it
//   loose        actions whose bodies may have any further field, by the description
//   wrong        requests that must be refused, or the check is none

import { calcom } from './calcom.mjs';
import { bigcommerce, freshdesk, pipedrive, stripe } from './clients.mjs';
import { graphql, openapiFile, prism } from './described.mjs';
import { microsoft } from './graph.mjs';
import { salesforce } from './salesforce.mjs';
import { square } from './square.mjs';
import { woocommerce } from './woocommerce.mjs';
import { zoho } from './zoho.mjs';

export const VENDORS = {
  hubspot: {
    spec: 'hubspot-crm.json', by: prism,
    undescribed: { 'notes.create': 'the description has contacts, companies and deals' },
    wrong: [['POST', '/crm/v3/objects/contacts', { properties: 'none' }]],
  },
  'google-calendar': { spec: 'google-calendar.json', by: prism, wrong: [['POST', '/calendar/v3/freeBusy', { items: 'primary' }]] },
  intercom: { spec: 'intercom.json', by: openapiFile, wrong: [['POST', '/contacts/search', { query: 'ana' }]] },
  shopify: {
    spec: 'shopify-admin-2026-10.graphql', by: graphql,
    wrong: [['POST', '/graphql.json', { query: '{ orders(first: "all") { nodes { colour } } }', variables: {} }]],
  },
  salesforce: {
    sdk: salesforce, packages: ['@salesforce/soql-common', '@jsforce/jsforce-node'],
    gaps: {
      ContactId: 'a field of opportunities that came after these types',
      CurrencyIsoCode: 'a field that only organizations with several currencies have',
    },
    wrong: [
      ['GET', '/services/data/v64.0/query?q=SELECT+Id+FROM+Contact+WHERE+Name+%3D+%27O%27Hara%27', null],
      ['GET', '/services/data/v64.0/query?q=SELECT+Id+FROM+Contact+WHERE+Shoe+%3D+%2744%27', null],
      ['PATCH', '/services/data/v64.0/sobjects/Opportunity/006', { Amount: 'much' }],
      ['POST', '/services/data/v64.0/sobjects/Note', { Text: 'Called.' }],
    ],
  },
  pipedrive: {
    sdk: pipedrive, packages: ['pipedrive'],
    loose: ['notes.create'],
    wrong: [
      ['POST', '/api/v2/persons', { email: 'ana@example.com' }],
      ['PATCH', '/api/v2/deals/77', { value: 'much' }],
      ['GET', '/api/v2/persons/search?limit=25', null],
      ['GET', '/api/v2/persons?start=25', null],
      ['POST', '/api/v1/notes', { text: 'Called.' }],
    ],
  },
  'zoho-crm': {
    sdk: zoho, packages: ['@zohocrm/nodejs-sdk-8.0'],
    undescribed: { 'notes.create': 'the client makes notes at /Notes only; Zoho documents the place below a record too' },
    wrong: [
      ['POST', '/crm/v8/Contacts', { data: [{ LastName: 'Ortega' }] }],
      ['POST', '/crm/v8/Contacts', { data: { Last_Name: 'Ortega' } }],
      ['GET', '/crm/v8/Contacts/search?name=ana', null],
      ['GET', '/crm/v8/Deals/1?fields=Price', null],
    ],
  },
  'microsoft-calendar': {
    sdk: microsoft, packages: ['@microsoft/teams.graph-endpoints', '@microsoft/microsoft-graph-types'],
    wrong: [
      ['POST', '/v1.0/me/events', { subject: 'Fair', start: '2026-11-27' }],
      ['PATCH', '/v1.0/me/events/AAMkAGI1', { title: 'Fair' }],
      ['GET', '/v1.0/me/calendarView?from=2026-11-27', null],
      ['POST', '/v1.0/me/events/AAMkAGI1/cancel', { reason: 'Ana is ill.' }],
    ],
  },
  'cal-com': {
    sdk: calcom, packages: ['@calcom/cal-mcp'],
    loose: ['events.cancel', 'events.update'],
    undescribed: { 'free_busy.query': 'the package is older than the parameters that Cal.com documents now: timeZone, calendarsToLoad' },
    wrong: [
      ['POST', '/v2/bookings/2NtaeaVcKfpmSZ4CthFdfk/reschedule', { when: '2026-11-27T10:00:00Z' }],
      ['POST', '/v2/bookings/2NtaeaVcKfpmSZ4CthFdfk/cancel', { cancellationReason: 1 }],
      ['GET', '/v2/bookings?take=all', null],
      ['GET', '/v2/bookings?since=2026-11-24', null],
    ],
  },
  freshdesk: {
    sdk: freshdesk, packages: ['@freshworks/freshdesk'],
    gaps: {
      '?page': 'Freshdesk documents pages once, for every list',
      '?per_page': 'the same',
      name: 'documented: the name of a requester who is new',
      tags: 'documented',
    },
    wrong: [
      ['POST', '/api/v2/tickets', { subject: 'Broken', priority: 'high' }],
      ['PUT', '/api/v2/tickets/1042', { state: 5 }],
      ['GET', '/api/v2/tickets?since=2000-01-01T00%3A00%3A00Z', null],
    ],
  },
  stripe: {
    sdk: stripe, packages: ['stripe'],
    wrong: [
      ['GET', '/v1/customers?limit=many', null],
      ['GET', '/v1/customers/search?limit=1', null],
      ['GET', '/v1/products?offset=2', null],
    ],
  },
  woocommerce: {
    sdk: woocommerce, packages: ['@woocommerce/data'],
    undescribed: { 'customers.search': 'the package has no types of what customers are asked for by' },
    gaps: {
      '?status': 'documented as a list; the types have one of them',
      '?dates_are_gmt': 'documented',
    },
    wrong: [
      ['GET', '/wp-json/wc/v3/products?per_page=many', null],
      ['GET', '/wp-json/wc/v3/orders?customer_email=ana%40example.com', null],
    ],
  },
  square: {
    sdk: square, packages: ['square'],
    wrong: [
      ['POST', '/v2/orders/search', { locations: ['L3TT8WZQ0RKAV'] }],
      ['POST', '/v2/customers/search', { query: { filter: { email_address: 'bo@shop.example' } } }],
      ['GET', '/v2/orders/search', null],
    ],
  },
  bigcommerce: {
    sdk: bigcommerce, packages: ['@bigcommerce/api-nodejs'],
    gaps: {
      '?phone:in': 'documented since; the package is from before',
      '?consignment_structure': 'documented since',
      '?sort': 'its words allow the direction that we add to the field, its types have the field alone',
    },
    wrong: [
      ['GET', '/stores/k3x9ab2c/v3/customers?email=bo%40shop.example', null],
      ['GET', '/stores/k3x9ab2c/v2/orders?limit=many', null],
    ],
  },
};
