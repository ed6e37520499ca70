// A whole journey through the shop with the generated client, and with its types: the compiler checks this file too.
// It needs SHOP, the shop's URL, and STAFF_TOKEN, a token of a user with the role staff.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import * as api from "./generated";
import { createClient } from "./generated/client";

const MAX_PAGES = 100;
const PASSWORD = "correct horse battery staple";
const baseUrl = process.env["SHOP"] ?? "";
const anyone = createClient({ baseUrl });
const staff = createClient({ baseUrl, auth: () => process.env["STAFF_TOKEN"] ?? "" });

async function signIn(): Promise<ReturnType<typeof createClient>> {
  const email = `${randomUUID()}@example.com`;
  await api.usersCreate({ client: anyone, body: { email, password: PASSWORD }, throwOnError: true });
  const { data } = await api.authToken({ client: anyone, body: { email, password: PASSWORD }, throwOnError: true });
  assert.equal(data.user.email, email);
  return createClient({ baseUrl, auth: () => data.token });
}

async function createProduct(stock: number): Promise<api.Product> {
  const sku = randomUUID();
  const body: api.NewProduct = { sku, name: "Green tea", price: "4.20", currency: "EUR", stock };
  const { data } = await api.productsCreate({ client: staff, body, throwOnError: true });
  return data;
}

async function allSkus(): Promise<string[]> {
  const skus: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { data } = await api.productsList({ client: anyone, query: { page_size: 2, cursor }, throwOnError: true });
    skus.push(...data.results.map((product) => product.sku));
    if (data.next === null) return skus;
    cursor = new URL(data.next).searchParams.get("cursor") ?? undefined;
  }
  throw new Error("too many pages");
}

async function main(): Promise<void> {
  const customer = await signIn();
  const products = [await createProduct(5), await createProduct(5), await createProduct(5)];
  const skus = await allSkus();
  assert.deepEqual(skus.length, new Set(skus).size);
  assert.ok(products.every((product) => skus.includes(product.sku)));

  const [tea] = products;
  assert.ok(tea);
  const order = { client: customer, body: { items: [{ sku: tea.sku, quantity: 2 }] } };
  const keyed = { ...order, headers: { "Idempotency-Key": randomUUID() } };
  const first = await api.purchasesCreate({ ...keyed, throwOnError: true });
  const replay = await api.purchasesCreate({ ...keyed, throwOnError: true });
  assert.equal(first.response.headers.get("Idempotent-Replayed"), null);
  assert.equal(replay.response.headers.get("Idempotent-Replayed"), "true");
  assert.deepEqual(replay.data, first.data);
  const status: api.PurchaseStatus = first.data.status;
  assert.equal(status, "placed");

  const refused = await api.purchasesCreate({ ...order, body: { items: [{ product: tea.id, quantity: 9 }] } });
  assert.equal(refused.response?.status, 409);
  assert.ok(refused.error?.code === "insufficient-stock");
  assert.deepEqual(refused.error.shortages, [{ product: tea.id, requested: 9, available: 3 }]);

  const read = await api.productsRetrieve({ client: anyone, path: { id: tea.id }, throwOnError: true });
  const etag = read.response.headers.get("ETag") ?? "";
  const again = { client: anyone, path: { id: tea.id }, headers: { "If-None-Match": etag } };
  assert.equal((await api.productsRetrieve(again)).response?.status, 304);

  const rename = (name: string, tag: string) =>
    api.productsPartialUpdate({ client: staff, path: { id: tea.id }, body: { name }, headers: { "If-Match": tag } });
  assert.equal((await rename("Black tea", etag)).response?.status, 200);
  const late = await rename("White tea", etag);
  assert.equal(late.response?.status, 412);
  assert.ok(late.error?.code === "precondition-failed");
  assert.equal(late.error.version, 2);
}

main().then(
  () => console.log("the journey is complete"),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
