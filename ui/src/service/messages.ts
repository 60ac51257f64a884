/** One message of a stream of server-sent events. */
export interface Message {
  readonly event: string;
  readonly id: string | null;
  readonly data: string;
  readonly retry: number | null;
}

/** Splits the text of a stream into messages, however the network cuts it. */
export function createMessageParser(): (text: string) => Message[] {
  let rest = '';
  let fields: Partial<Record<string, string>> = {};
  return (text) => {
    const messages: Message[] = [];
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        const { event = 'message', id = null, data, retry } = fields;
        if (data !== undefined) messages.push({ event, id, data, retry: retry === undefined ? null : Number(retry) });
        fields = {};
        continue;
      }
      const [, name = '', value = ''] = /^([a-z]+):? ?(.*)$/.exec(line) ?? []; // a comment line has no name
      if (name !== '')
        fields[name] = name === 'data' && fields['data'] !== undefined ? `${fields['data']}\n${value}` : value;
    }
    return messages;
  };
}
