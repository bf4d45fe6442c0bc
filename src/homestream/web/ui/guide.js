// What a home without devices shows: how to connect the first.
import { html } from "./html.js";

export default function Guide() {
  const host = location.hostname;
  const row = '{"device":"kitchen/lamp","metric":"power","value":12.5}';
  return html`
    <section class="card full">
      <h2>No device is live yet</h2>
      <div class="empty">
        <ol>
          <li>Point Zigbee2MQTT, Tasmota or any MQTT device at <code>${host}</code> with a name and password from <code>homestream init</code>.</li>
          <li>Or try it by hand: <code>mosquitto_pub -h ${host} -p 1883 -u NAME -P PASSWORD -t home/kitchen/lamp/power -m 12.5</code>, with <code>mqtt_port</code> of <code>home.toml</code>.</li>
          <li>Or over HTTP: <code>curl -u NAME:PASSWORD ${location.origin}/api/v1/readings -H 'content-type: application/json' -d '${row}'</code></li>
        </ol>
        <p>Its tile appears here by itself.</p>
      </div>
    </section>`;
}
