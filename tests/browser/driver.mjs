// A browser that is driven: chromedriver, spoken to over HTTP (W3C WebDriver).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Browser {
  // `directory`: where the browser keeps its profile.
  static async start(directory) {
    const browser = new Browser();
    browser.driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let port;
    for await (const line of createInterface({ input: browser.driver.stdout })) {
      port = line.match(/started successfully on port (\d+)/)?.[1];
      if (port) break;
    }
    if (!port) throw new Error('chromedriver did not start');
    browser.url = `http://127.0.0.1:${port}/session`;
    const { sessionId } = await browser.#call('POST', '', {
      capabilities: {
        alwaysMatch: {
          browserName: 'chrome',
          'goog:chromeOptions': {
            args: ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu',
              '--no-first-run', `--user-data-dir=${directory}`],
          },
        },
      },
    });
    browser.url += `/${sessionId}`;
    await browser.#call('POST', '/timeouts', { script: 30_000 });
    return browser;
  }

  async open(url) { await this.#call('POST', '/url', { url }); }

  // Runs a function in the page, with arguments, and gives what it returns or what its promise
  // becomes.
  async run(body, ...args) {
    return this.#call('POST', '/execute/async', {
      script: `const done = arguments[arguments.length - 1];
        (async () => (${body})(...[...arguments].slice(0, -1)))()
          .then((value) => done({ value }), (error) => done({ error: String(error) }));`,
      args,
    }).then((outcome) => {
      if ('error' in outcome) throw new Error(outcome.error);
      return outcome.value;
    });
  }

  async stop() {
    await this.#call('DELETE', '').catch(() => {});
    const ended = once(this.driver, 'exit');
    this.driver.kill();
    await ended;
  }

  async #call(method, path, body) {
    const response = await fetch(this.url + path, {
      method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' },
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }
}
