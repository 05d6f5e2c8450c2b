#include "pages.hpp"

#include <nlohmann/json.hpp>

#include <keywarden/pki/dates.hpp>

namespace split_merge {

namespace {

std::string escaped(std::string_view text) {
  std::string made;
  for (const char each : text) {
    switch (each) {
      case '&':
        made += "&amp;";
        break;
      case '<':
        made += "&lt;";
        break;
      case '>':
        made += "&gt;";
        break;
      case '"':
        made += "&quot;";
        break;
      default:
        made += each;
    }
  }
  return made;
}

std::string cell(std::string_view content) {
  return std::string("<td>").append(content).append("</td>");
}
std::string number_cell(std::uint64_t value) {
  return std::string("<td class=number>").append(std::to_string(value)).append("</td>");
}
std::string keys_of(const range& keys) {
  return std::to_string(keys.low).append(" … ").append(std::to_string(keys.high));
}

std::string shard_table(const shard_map& map) {
  std::uint64_t most = 1;
  for (const auto& each : map.entries()) most = std::max(most, each.rows.value_or(0));
  std::string made =
      "<h2>Shards</h2><div class=scroll><table><thead><tr><th scope=col>Keys</th><th scope=col>"
      "Shard</th><th scope=col class=number>Rows</th><th scope=col>Share</th></tr></thead><tbody>";
  for (const auto& each : map.entries()) {
    made.append("<tr>").append(cell(keys_of(each.keys))).append(cell(escaped(each.shard)));
    if (each.rows)
      made.append(number_cell(*each.rows))
          .append("<td><meter aria-label=\"rows\" min=0 max=")
          .append(std::to_string(most))
          .append(" value=")
          .append(std::to_string(*each.rows))
          .append("></meter></td>");
    else
      made.append("<td class=number>not counted</td><td></td>");
    made.append("</tr>");
  }
  return made.append("</tbody></table></div>");
}

std::string progress_of(const request_status& one) {
  if (one.at == phase::queued || is_finished(one.at) || one.rows == 0) return escaped(one.problem);
  const bool cleaning = one.at == phase::cleaning;
  return std::string("<progress aria-label=\"progress\" max=")
      .append(std::to_string(one.rows))
      .append(" value=")
      .append(std::to_string(cleaning ? one.removed : one.copied))
      .append("></progress> ")
      .append(escaped(one.waiting.empty() ? one.problem : one.waiting));
}

std::string request_table(const std::vector<request_status>& requests) {
  if (requests.empty()) return "<h2>Requests</h2><p>None yet.</p>";
  std::string made =
      "<h2>Requests</h2><div class=scroll><table><thead><tr><th scope=col class=number>Id</th>"
      "<th scope=col>What</th><th scope=col>Keys</th><th scope=col>From</th><th scope=col>To</th>"
      "<th scope=col>State</th><th scope=col>Progress</th><th scope=col>Since</th></tr></thead>"
      "<tbody>";
  for (const auto& each : requests)
    made.append("<tr>")
        .append(number_cell(each.id))
        .append(cell(name_of(each.asked.what)))
        .append(cell(keys_of(each.asked.moving())))
        .append(cell(escaped(each.asked.source)))
        .append(cell(escaped(each.asked.target)))
        .append("<td><span class=\"state ")
        .append(name_of(each.at))
        .append("\">")
        .append(name_of(each.at))
        .append("</span></td>")
        .append(cell(progress_of(each)))
        .append(cell(keywarden::pki::to_text(each.created)))
        .append("</tr>");
  return made.append("</tbody></table></div>");
}

std::string blocked_table(const view& shown) {
  if (shown.blocked.empty()) return "<h2>Blocked hosts</h2><p>None.</p>";
  std::string made =
      "<h2>Blocked hosts</h2><div class=scroll><table><thead><tr><th scope=col>Host</th>"
      "<th scope=col class=number>Blocked for</th><th scope=col>Limit</th></tr></thead><tbody>";
  for (const auto& each : shown.blocked) {
    const auto past =
        std::chrono::duration_cast<std::chrono::milliseconds>(shown.now - each.since).count();
    made.append("<tr>")
        .append(cell(escaped(each.host.text())))
        .append("<td class=number>")
        .append(std::to_string(past))
        .append(" ms</td>")
        .append(cell(each.until ? "request rate (502)" : "concurrent requests (501)"))
        .append("</tr>");
  }
  return made.append("</tbody></table></div>");
}

nlohmann::json as_json(const request_status& one) {
  return {{"id", one.id},
          {"what", name_of(one.asked.what)},
          {"low", one.asked.moving().low},
          {"high", one.asked.moving().high},
          {"source", one.asked.source},
          {"target", one.asked.target},
          {"state", name_of(one.at)},
          {"rows", one.rows},
          {"copied", one.copied},
          {"removed", one.removed},
          {"problem", one.problem},
          {"waiting", one.waiting}};
}

}  // namespace

std::string status_page(const view& shown) {
  return std::string(
             "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
             "content=\"width=device-width, initial-scale=1\"><meta http-equiv=refresh content=5>"
             "<title>Split-Merge</title><link rel=stylesheet href=\"/style.css\"></head><body>"
             "<header><h1>Split-Merge</h1><p>Signed in as ")
      .append(escaped(shown.client))
      .append(" · map version ")
      .append(std::to_string(shown.state.map.version()))
      .append("</p></header><main>")
      .append(shard_table(shown.state.map))
      .append(request_table(shown.state.requests))
      .append(blocked_table(shown))
      .append("</main></body></html>\n");
}

std::string status_json(const view& shown) {
  nlohmann::json made{{"version", shown.state.map.version()},
                      {"shards", nlohmann::json::array()},
                      {"requests", nlohmann::json::array()},
                      {"blocked", nlohmann::json::array()}};
  for (const auto& each : shown.state.map.entries()) {
    nlohmann::json one{{"low", each.keys.low}, {"high", each.keys.high}, {"shard", each.shard}};
    if (each.rows) one["rows"] = *each.rows;
    made["shards"].push_back(std::move(one));
  }
  for (const auto& each : shown.state.requests) made["requests"].push_back(as_json(each));
  for (const auto& each : shown.blocked) made["blocked"].push_back(each.host.text());
  return made.dump(2).append("\n");
}

std::string request_json(const request_status& one) { return as_json(one).dump(2).append("\n"); }

std::string_view style_sheet() noexcept {
  return R"(:root { color-scheme: light dark; --line: #8886; --accent: #0b63b5; }
@media (prefers-color-scheme: dark) { :root { --accent: #6db3f2; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; justify-content: space-between; }
h1 { color: var(--accent); margin: 0; } h2 { margin: 1.5rem 0 .5rem; font-size: 1.15rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.state { padding: .1rem .5rem; border: 1px solid var(--line); border-radius: 1rem; white-space: nowrap; }
.done { border-color: #2a8a3a; } .failed { border-color: #c22; } .copying, .switching, .cleaning { border-color: var(--accent); }
meter, progress { width: 8rem; }
)";
}

}  // namespace split_merge
