#include "arguments.hpp"

#include <algorithm>
#include <charconv>

#include "help.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::result;
using kind = option::kind;

namespace {

constexpr std::string_view as_file = "-file";
constexpr std::string_view as_descriptor = "-fd";

bool is_password(const option& each) {
  return each.takes == kind::password || each.takes == kind::new_password;
}

// The option that a word names, with what follows a password option's name.
struct named {
  const option* found = nullptr;
  std::string_view form;
};

named find_named(const std::vector<option>& options, std::string_view word) {
  for (const auto& each : options) {
    if (word == each.name) return {&each, {}};
    if (!is_password(each) || !word.starts_with(each.name)) continue;
    const auto form = word.substr(each.name.size());
    if (form == as_file || form == as_descriptor) return {&each, form};
  }
  return {};
}

}  // namespace

error usage_error(std::string_view reason, std::string_view command_name) {
  return error(errc::invalid_argument)
      .with(fact::reason, reason)
      .with(fact::next_step, "keywarden " + std::string(command_name) +
                                 (command_name.empty() ? "--help" : " --help"));
}

result<std::uint64_t> parse_number(std::string_view text, std::string_view what,
                                   std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number > most)
    return error(errc::invalid_argument)
        .with(fact::reason, std::string(what) + " is a whole number")
        .with(fact::limit, most);
  return number;
}

result<invocation> invocation::parse(const command& asked,
                                     std::span<const std::string_view> words) {
  invocation made(asked);
  bool options_end = false;
  for (std::size_t at = 0; at < words.size(); ++at) {
    auto word = words[at];
    if (options_end || !word.starts_with('-') || word == "-") {
      if (made.operands_.size() == asked.operands.size())
        return usage_error("more words than the command takes", asked.name);
      made.operands_.emplace_back(word);
      continue;
    }
    if (word == "--") {
      options_end = true;
      continue;
    }
    if (!word.starts_with("--")) return usage_error("options begin with two dashes", asked.name);
    word.remove_prefix(2);
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    auto [found, form] = find_named(asked.options, name);
    if (found == nullptr) found = find_named(common_options(), name).found;
    if (found == nullptr) return usage_error("unknown option --" + std::string(name), asked.name);
    if (is_password(*found) && form.empty())
      return error(errc::invalid_argument)
          .with(fact::reason, "--" + std::string(name) +
                                  " is not taken from an argument: every user of this machine can "
                                  "read the arguments "
                                  "of a running program, and shells keep them in a history")
          .with(fact::next_step, "leave it out to be asked, or give --" + std::string(name) +
                                     "-file FILE or --" + std::string(name) + "-fd N");
    if (found->takes == kind::flag) {
      if (equals != std::string_view::npos)
        return usage_error("--" + std::string(name) + " takes no value", asked.name);
      made.values_[std::string(name)];
      continue;
    }
    std::string_view value;
    if (equals != std::string_view::npos)
      value = word.substr(equals + 1);
    else if (++at < words.size())
      value = words[at];
    else
      return usage_error("--" + std::string(name) + " needs a value", asked.name);
    auto& values = made.values_[std::string(name)];
    if (!values.empty() && found->takes != kind::list)
      return usage_error("--" + std::string(name) + " was given twice", asked.name);
    values.emplace_back(value);
  }
  if (made.operands_.size() < asked.operands.size() &&
      !asked.operands[made.operands_.size()].starts_with('['))
    return usage_error("missing: " + std::string(asked.operands[made.operands_.size()]),
                       asked.name);
  return made;
}

bool invocation::has(std::string_view name) const {
  const auto* known = find(name);
  if (known == nullptr || !is_password(*known)) return values_.contains(name);
  return values_.contains(std::string(name) += as_file) ||
         values_.contains(std::string(name) += as_descriptor);
}

std::optional<std::string> invocation::value(std::string_view name) const {
  const auto at = values_.find(name);
  if (at == values_.end() || at->second.empty()) return std::nullopt;
  return at->second.front();
}

std::vector<std::string> invocation::values(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>{} : at->second;
}

const option* invocation::find(std::string_view name) const {
  const auto at = std::ranges::find(command_->options, name, &option::name);
  return at == command_->options.end() ? nullptr : &*at;
}

const std::vector<option>& common_options() {
  static const std::vector<option> all{
      {"store", kind::value, "PLACE", "where the vault's records are (default: $KEYWARDEN_STORE)"},
      {"account-secret", kind::value, "FILE",
       "the service account's secret (default: below ~/.local/state)"},
      {"machine-secret", kind::value, "FILE",
       "the machine's secret (default: below /var/lib/keywarden)"},
      {"machine-id", kind::value, "FILE", "what names the machine (default: /etc/machine-id)"},
      {"json", kind::flag, {}, "answer in JSON, on standard output; errors on standard error"},
      {"help", kind::flag, {}, "show this help"},
  };
  return all;
}

namespace {

void describe(std::string& text, std::string_view left, std::string_view right) {
  constexpr std::size_t column = 37;
  text.append("  ").append(left);
  text.append(left.size() + 2 < column ? column - left.size() - 2 : 2, ' ');
  text.append(right).append("\n");
}

void describe(std::string& text, const option& each) {
  const auto name = "--" + std::string(each.name);
  switch (each.takes) {
    case kind::flag:
      return describe(text, name, each.help);
    case kind::list:
    case kind::value:
      return describe(text, name + " " + std::string(each.shown), each.help);
    case kind::password:
    case kind::new_password:
      describe(text, name + "-file FILE",
               "the password of " + std::string(each.shown) + ": the first line of a file");
      describe(text, name + "-fd N",
               "the same, the next line of a file descriptor; without either it is asked for");
      if (!each.help.empty()) describe(text, "", each.help);
  }
}

std::string help_for(const command& asked) {
  std::string text = "keywarden " + std::string(asked.name);
  for (const auto each : asked.operands) text.append(" ").append(each);
  text.append(" [OPTIONS]\n\n").append(asked.help).append("\n\n");
  if (!asked.options.empty()) {
    text.append("Options:\n");
    for (const auto& each : asked.options) describe(text, each);
    text.append("\n");
  }
  text.append("Options of every command:\n");
  for (const auto& each : common_options())
    if (std::ranges::find(asked.options, each.name, &option::name) == asked.options.end())
      describe(text, each);
  return text.append("\n").append(help_places);
}

}  // namespace

std::string help_for(std::span<const command> commands, std::string_view words) {
  const auto exact = std::ranges::find(commands, words, &command::name);
  if (exact != commands.end()) return help_for(*exact);
  std::string text(help_opening);
  text.append("\nCommands:\n");
  for (const auto& each : commands) {
    if (!words.empty() && !each.name.starts_with(std::string(words) + " ")) continue;
    describe(text, each.name, each.help.substr(0, each.help.find('\n')));
  }
  text.append("\nOptions of every command:\n");
  for (const auto& each : common_options()) describe(text, each);
  return text.append("\n").append(help_places).append(help_closing);
}

}  // namespace cli
