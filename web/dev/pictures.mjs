// Pictures for the fake API: hills under a sky, drawn from a number, as PNG.
import { deflateSync, crc32 } from 'node:zlib';

const chunk = (type, body) => {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, 'latin1');
  body.copy(out, 8);
  out.writeUInt32BE(crc(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
};
const table = Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });
const crc = (bytes) => {
  if (crc32) return crc32(bytes);
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

/** A PNG of `width` × `height`; `night` is the edited form of the same place. */
export function landscape(seed, width, height, night) {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  const random = (n) => { const x = Math.sin(seed * 127.1 + n * 311.7) * 43758.5453; return x - Math.floor(x); };
  const hue = [0.55 + random(1) * 0.45, 0.5 + random(2) * 0.4, 0.45 + random(3) * 0.5];
  const sunX = random(4);
  const sunY = 0.15 + random(5) * 0.25;
  const hills = [0, 1, 2].map((k) => Float64Array.from({ length: width }, (_, x) => 0.45 + k * 0.16 + 0.09 * Math.sin((x / width) * (5 + k * 3) + random(6 + k) * 6.28) + 0.04 * Math.sin((x / width) * (17 - k * 3) + random(9 + k) * 6.28)));
  for (let y = 0; y < height; y += 1) {
    const v = y / height;
    for (let x = 0; x < width; x += 1) {
      const u = x / width;
      let [r, g, b] = [(0.75 - v * 0.2) * (0.7 + 0.3 * hue[0]), (0.82 - v * 0.15) * (0.7 + 0.3 * hue[1]), (0.95 - v * 0.1) * (0.7 + 0.3 * hue[2])];
      const sun = Math.hypot(u - sunX, (v - sunY) * (height / width));
      if (sun < 0.06) [r, g, b] = night ? [0.9, 0.9, 0.85] : [1, 0.95, 0.7];
      for (let k = 0; k < 3; k += 1) if (v > hills[k][x]) [r, g, b] = [hue[0] * (0.75 - k * 0.2) * 0.8, hue[1] * (0.75 - k * 0.2), hue[2] * (0.75 - k * 0.2) * 0.6];
      if (night && sun >= 0.06) [r, g, b] = [r * 0.25, g * 0.3, b * 0.55];
      const at = y * (width * 3 + 1) + 1 + x * 3;
      raw[at] = r * 255;
      raw[at + 1] = g * 255;
      raw[at + 2] = b * 255;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(raw, { level: 6 })), chunk('IEND', Buffer.alloc(0))]);
}
