import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMessageParser } from '../../../ui/src/service/messages.ts';

const STREAM =
  'retry: 2500\nid: 7\nevent: ready\ndata: {"position":7}\n\n' +
  ': heartbeat\nid: 8\nevent: dispute.opened\ndata: {"a":\ndata: 1}\n\n' +
  'event: end\ndata: {"reason":"lifetime"}\n\n';

const MESSAGES = [
  { event: 'ready', id: '7', data: '{"position":7}', retry: 2_500 },
  { event: 'dispute.opened', id: '8', data: '{"a":\n1}', retry: null },
  { event: 'end', id: null, data: '{"reason":"lifetime"}', retry: null },
];

test('a stream is the same messages however the network cuts it, with each kind of line end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: STREAM.length * 2 }), { maxLength: 12 }),
      fc.constantFrom('\n', '\r\n', '\r'),
      (cuts, lineEnd) => {
        // A lone CR at the end of a part may be half of a CRLF; the byte behind it decides.
        const text = `${STREAM.replaceAll('\n', lineEnd)}:`;
        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const parse = createMessageParser();
        const parts = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(parts.flatMap((part) => parse(part))).toEqual(MESSAGES);
      },
    ),
  );
});

test('a block without data is no message', () => {
  expect(createMessageParser()(': nothing\nid: 1\n\n')).toEqual([]);
});
