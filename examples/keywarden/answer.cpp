#include "answer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <keywarden/core/printable.hpp>

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;

namespace {

// The codes for people's eyes, only where people look.
class colours {
 public:
  explicit colours(int file) : on_(::isatty(file) == 1 && std::getenv("NO_COLOR") == nullptr) {}
  [[nodiscard]] std::string bold(std::string_view text) const { return paint("1", text); }
  [[nodiscard]] std::string red(std::string_view text) const { return paint("31", text); }

 private:
  [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const {
    if (!on_) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
  }
  bool on_;
};

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

std::string as_json(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

// What came from a store or a stranger rules no terminal.
std::string cell(const json& value) {
  if (value.is_string()) {
    std::string text;
    keywarden::detail::append_printable(text, value.get_ref<const std::string&>(), 4096);
    return text;
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& each : value) text.append(text.empty() ? "" : ", ").append(cell(each));
  return text;
}

void print_table(const json& rows) {
  std::vector<std::string> names;
  std::vector<std::size_t> widths;
  for (const auto& [name, value] : rows.front().items()) {
    names.push_back(name);
    widths.push_back(name.size());
  }
  for (auto& name : names) std::ranges::replace(name, '_', ' ');
  const auto columns = rows.front().size();
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    std::vector<std::string> line;
    for (const auto& value : row) {
      line.push_back(cell(value));
      widths[line.size() - 1] = std::max(widths[line.size() - 1], line.back().size());
    }
    cells.push_back(std::move(line));
  }
  const auto print_line = [&](const std::vector<std::string>& line, bool head) {
    std::string text;
    for (std::size_t at = 0; at < columns; ++at) {
      text += line[at];
      if (at + 1 < columns) text.append(widths[at] - line[at].size() + 2, ' ');
    }
    print(stdout, (head ? colours(STDOUT_FILENO).bold(text) : text) + "\n");
  };
  print_line(names, true);
  for (const auto& line : cells) print_line(line, false);
}

json to_json(const error& why) {
  json facts = json::object();
  for (const auto& each : why.facts()) facts[std::string(name_of(each.name))] = each.value;
  json causes = json::array();
  for (const auto& each : why.causes()) causes.push_back(to_json(each));
  return {{"code", name_of(why.code())},
          {"message", why.message()},
          {"facts", facts},
          {"causes", causes}};
}

}  // namespace

status status_of(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
    case errc::invalid_name:
      return status::usage;
    case errc::secret_unavailable:
    case errc::io_failed:
    case errc::store_conflict:
    case errc::store_busy:
    case errc::store_corrupt:
    case errc::backend_failed:
    case errc::backend_missing:
      return status::environment;
    default:
      return status::refused;
  }
}

void show(const answer& said, bool for_machines) {
  if (for_machines) {
    json all{{"ok", true}};
    all.update(said.facts);
    print(stdout, as_json(all));
    return;
  }
  if (!said.text.empty()) print(stdout, said.text.ends_with('\n') ? said.text : said.text + "\n");
  for (const auto& value : said.facts)
    if (value.is_array() && !value.empty() && value.front().is_object()) print_table(value);
}

void show(const error& why, bool for_machines) {
  const auto exit = static_cast<int>(status_of(why.code()));
  if (for_machines)
    print(stderr, as_json({{"ok", false}, {"exit", exit}, {"error", to_json(why)}}));
  else
    print(stderr, colours(STDERR_FILENO).red("refused: ") + why.message() + "\n");
}

void note(const std::string& text) { print(stderr, "note: " + text + "\n"); }

}  // namespace cli
