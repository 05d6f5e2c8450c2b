#include "request_text.hpp"

#include <charconv>
#include <string>
#include <string_view>

namespace split_merge {

namespace {

[[noreturn]] void malformed(std::string_view reason) {
  throw keywarden::refused(keywarden::error(keywarden::errc::malformed)
                               .with(keywarden::fact::kind, "request")
                               .with(keywarden::fact::reason, reason));
}

/// Takes words and lines from the front of a text.
struct cursor {
  std::string_view left;

  std::string_view line() {
    const auto end = std::min(left.find('\n'), left.size());
    auto taken = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (taken.ends_with('\r')) taken.remove_suffix(1);
    return taken;
  }
  std::string_view word() {
    const auto end = std::min(left.find(' '), left.size());
    const auto taken = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    return taken;
  }
  void expect(std::string_view wanted) {
    if (word() != wanted)
      malformed(
          "the first line is: move LOW..HIGH from SHARD to SHARD, or: split LOW..HIGH at KEY "
          "from SHARD to SHARD");
  }
};

std::int64_t number(std::string_view text) {
  std::int64_t made = 0;
  const auto* last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, made);
  if (failed != std::errc{} || end != last) malformed("a key is a whole number");
  return made;
}

range keys(std::string_view text) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) malformed("a range is LOW..HIGH");
  return {number(text.substr(0, dots)), number(text.substr(dots + 2))};
}

keywarden::plaintext credential_line(cursor& from, std::string_view name) {
  const auto text = from.line();
  if (!text.starts_with(name)) malformed("after the first line: source: …, target: …");
  return keywarden::plaintext::copy_of(keywarden::as_bytes(text.substr(name.size())));
}

}  // namespace

submitted read_request(keywarden::bytes_view text) {
  if (text.size() > max_request_text)
    throw keywarden::refused(keywarden::error(keywarden::errc::limit_exceeded)
                                 .with(keywarden::fact::kind, "request")
                                 .with(keywarden::fact::limit, max_request_text));
  cursor lines{keywarden::as_text(text)};
  cursor first{lines.line()};
  request asked;
  const auto what = first.word();
  if (what == "move")
    asked.what = kind::move;
  else if (what == "merge")
    asked.what = kind::merge;
  else if (what == "split")
    asked.what = kind::split;
  else
    malformed("a request is a move, a merge or a split");
  asked.keys = keys(first.word());
  if (asked.what == kind::split) {
    first.expect("at");
    asked.at = number(first.word());
  }
  first.expect("from");
  asked.source = first.word();
  first.expect("to");
  asked.target = first.word();
  if (!first.left.empty()) malformed("something follows the name of the target");
  auto source = credential_line(lines, "source: ");
  auto target = credential_line(lines, "target: ");
  if (!lines.left.empty()) malformed("something follows the third line");
  return {std::move(asked), std::move(source), std::move(target)};
}

}  // namespace split_merge
