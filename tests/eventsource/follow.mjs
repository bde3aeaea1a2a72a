// Follows a URL with a real EventSource client and prints the id of every event, a line each, until
// it has seen COUNT of them: node follow.mjs URL COUNT. It reconnects and resumes by itself.
import { EventSource } from 'eventsource';

const [url, count] = process.argv.slice(2);
const source = new EventSource(url);
let seen = 0;

const print = (event) => {
  console.log(`${event.type} ${event.lastEventId} ${JSON.parse(event.data).offset}`);
  if (++seen === Number(count)) {
    source.close();
  }
};
// Named events need a listener each; these are the types that the test appends.
for (const type of ['even', 'odd', 'strandline.gap']) source.addEventListener(type, print);
source.addEventListener('open', () => console.log('open'));
