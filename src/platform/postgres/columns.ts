import { customType } from 'drizzle-orm/pg-core';

/** A `timestamptz` as milliseconds since the epoch. Everything written here is whole milliseconds. */
export const instant = customType<{ data: number; driverData: string }>({
  dataType: () => 'timestamptz',
  fromDriver: (value) => {
    // Date.parse takes other styles, too, with day and month in either order.
    if (value[4] !== '-') throw new Error(`the session prints instants in another style than ISO: ${value}`);
    return Date.parse(value);
  },
  toDriver: (value) => new Date(value).toISOString(),
});
