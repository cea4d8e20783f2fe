// Opens a page in headless Chromium and tells as JSON what a reader would meet there.
// Usage: node look.mjs NODE_MODULES CHROMIUM PAGE.html FOLDER [without-axe]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, executablePath, file, folder, axeless] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/x.js`));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");
const url = pathToFileURL(file).href;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const said = { requests: [], errors: [], axe: [], wide: {}, milliseconds: {} };

async function open(options) {
  const context = await browser.newContext({ bypassCSP: true, ...options });
  const page = await context.newPage();
  page.on("request", request => { if (!request.url().startsWith("file:")) said.requests.push(request.url()); });
  page.on("pageerror", error => said.errors.push(String(error)));
  page.on("console", message => { if (message.type() === "error") said.errors.push(message.text()); });
  const start = performance.now();
  await page.goto(url);
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
  return { context, page, took: performance.now() - start };
}

try {
  for (const width of [390, 1280]) {
    for (const colorScheme of ["light", "dark"]) {
      const { context, page, took } = await open({ colorScheme, viewport: { width, height: 900 } });
      const name = `${width}-${colorScheme}`;
      said.milliseconds[name] = took;
      said.wide[name] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      await page.screenshot({ path: `${folder}/${name}.png` });
      if (!axeless) {
        await page.evaluate(() => document.querySelectorAll("details").forEach(each => { each.open = true; }));
        await page.addScriptTag({ content: axe });
        const found = await page.evaluate(() => globalThis.axe.run(document));
        for (const each of found.violations) {
          said.axe.push(`${name}: ${each.id}: ${each.nodes.slice(0, 3).map(node => node.target.join(" ")).join(", ")}`);
        }
        said.wide[`${name}-open`] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        await page.screenshot({ path: `${folder}/${name}-open.png` });
      }
      await context.close();
    }
  }
  const { context, page } = await open({ viewport: { width: 1280, height: 900 } });
  said.rows = await page.locator("tbody.results > tr").count();
  const shown = () => page.evaluate(() => [...document.querySelectorAll("tbody.results > tr")].filter(row => !row.hidden).length);
  if (await page.locator("#words").count()) {
    let start = performance.now();
    await page.locator("#change").selectOption("BROKEN");
    await page.waitForFunction(() => document.getElementById("found").textContent);
    said.broken = await shown();
    said.milliseconds.filter = performance.now() - start;
    await page.locator("#change").selectOption("");
    said.again = await shown();
  }
  await page.keyboard.press("Tab");
  said.first = await page.evaluate(() => document.activeElement.textContent);
  said.lines = await page.locator("pre.lines > span").count();
  if (said.lines) {
    const id = await page.locator("pre.lines > span").first().getAttribute("id");
    await page.goto(`${url}#${id}`);
    said.anchor = await page.evaluate(id => document.getElementById(id).checkVisibility(), id);
  }
  await context.close();
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const bare = await plain.newPage();
  await bare.goto(url);
  said.without = { text: (await bare.locator("body").innerText()).length, form: await bare.locator("#filter").isVisible().catch(() => false) };
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
