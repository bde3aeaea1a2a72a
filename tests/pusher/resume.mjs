// What makes a pusher-js client miss nothing: it says, of each channel, the position behind the
// last event that it was told of. (docs/live.md shows these lines.)
export function resume(pusher) {
  const positions = {};
  const send = pusher.send_event.bind(pusher);
  pusher.send_event = (name, data, channel) => {
    if (name !== 'pusher:subscribe') return send(name, data, channel);
    return send(name, { ...data, position: positions[data.channel] ?? 'latest' }, channel);
  };
  pusher.bind_global((name, data) => {
    if (name === 'strandline:position') positions[data.channel] = data.position;
  });
  return pusher;
}
