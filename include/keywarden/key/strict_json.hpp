/// @file
/// Reading JSON that may be hostile: bounded, without duplicates, every member accounted for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/encoding.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden {

/// A JSON value as something is stored: it does not convert into anything by itself.
struct stored_json {
  nlohmann::json value;
};

namespace detail {

using json = nlohmann::json;

/// What `parse_json` accepts at most.
struct json_limits {
  std::size_t size = std::size_t{1} << 20U;
  int depth = 24;
};

/// Parses JSON text. Errors: `limit_exceeded` (before parsing, for the size), `malformed` for
/// anything that is not JSON from its first byte to its last, is nested too deeply or names a
/// member twice.
[[nodiscard]] inline result<stored_json> parse_json(bytes_view text, json_limits limits = {}) {
  if (text.size() > limits.size)
    return error(errc::limit_exceeded)
        .with(fact::reason, "size of a JSON text")
        .with(fact::limit, limits.size)
        .with(fact::actual, text.size());
  // The parser takes a zero byte for the end, and skips a byte order mark: neither is JSON text
  // (RFC 8259).
  if (std::ranges::find(text, std::uint8_t{0}) != text.end() ||
      as_text(text).starts_with("\xef\xbb\xbf"))
    return error(errc::malformed).with(fact::reason, "not JSON");
  std::vector<std::set<std::string>> members;
  std::string_view wrong;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    using enum json::parse_event_t;
    if (depth > limits.depth) wrong = "nested too deeply";
    if (event == object_start) members.emplace_back();
    if (event == object_end) members.pop_back();
    if (event == key && !members.back().insert(parsed.get_ref<const std::string&>()).second)
      wrong = "a member is named twice";
    return true;
  };
  auto parsed = json::parse(text.begin(), text.end(), watch, false);
  if (parsed.is_discarded()) wrong = "not JSON";
  if (!wrong.empty()) return error(errc::malformed).with(fact::reason, wrong);
  return stored_json{std::move(parsed)};
}

/// Reads the members of one JSON object, each exactly once; `finish` refuses what nobody asked for.
/// The first problem is kept, so that a reader can take all members and look at the end.
class json_reader {
 public:
  json_reader(const json& object, std::string_view what) : object_(object), what_(what) {
    if (!object.is_object()) fail(what, "not an object");
  }

  [[nodiscard]] std::string text(const char* name, std::size_t limit = 256) {
    const auto* member = take(name);
    if (member == nullptr) return {};
    if (!member->is_string()) return fail(name, "not a text"), std::string{};
    const auto& value = member->get_ref<const std::string&>();
    if (value.size() > limit) return too_much(name, limit, value.size()), std::string{};
    return value;
  }
  [[nodiscard]] std::uint64_t number(const char* name, std::uint64_t limit = ~std::uint64_t{0}) {
    const auto* member = take(name);
    if (member == nullptr) return 0;
    if (!member->is_number_unsigned()) return fail(name, "not a whole number"), 0;
    const auto value = member->get<std::uint64_t>();
    if (value > limit) return too_much(name, limit, value), 0;
    return value;
  }
  [[nodiscard]] bool flag(const char* name) {
    const auto* member = take(name);
    if (member == nullptr) return false;
    if (!member->is_boolean()) return fail(name, "not true or false"), false;
    return member->get<bool>();
  }
  [[nodiscard]] bytes base64(const char* name, std::size_t limit) {
    auto data = from_base64(text(name, (limit + 2) / 3 * 4));
    if (!data) return fail(name, "not Base64"), bytes{};
    if (data->size() > limit) return too_much(name, limit, data->size()), bytes{};
    return std::move(*data);
  }
  template <class Strong>
  [[nodiscard]] Strong hex(const char* name) {
    auto data = strong_from_hex<Strong>(text(name, 2 * Strong::size));
    if (!data) return fail(name, "not hexadecimal of the right length"), Strong{};
    return *data;
  }
  [[nodiscard]] const json& array(const char* name, std::size_t limit) {
    static const json none = json::array();
    const auto* member = take(name);
    if (member == nullptr) return none;
    if (!member->is_array()) return fail(name, "not a list"), none;
    if (member->size() > limit) return too_much(name, limit, member->size()), none;
    return *member;
  }
  [[nodiscard]] const json& object(const char* name) {
    static const json none = json::object();
    const auto* member = take(name);
    if (member == nullptr) return none;
    if (!member->is_object()) return fail(name, "not an object"), none;
    return *member;
  }
  [[nodiscard]] bool has(const char* name) const {
    return object_.is_object() && object_.contains(name);
  }
  void fail(std::string_view name, std::string_view reason) {
    if (!problem_) return;
    problem_ = error(errc::malformed)
                   .with(fact::name, name)
                   .with(fact::kind, what_)
                   .with(fact::reason, reason);
  }
  void fail(error reason) {
    if (problem_) problem_ = std::move(reason);
  }

  /// The first problem, or success when every member was taken. Errors: `malformed`,
  /// `limit_exceeded`.
  [[nodiscard]] result<void> finish() {
    if (problem_ && object_.is_object() && taken_ != object_.size())
      fail(what_, "an unknown member");
    return problem_;
  }

 private:
  const json* take(const char* name) {
    if (!object_.is_object()) return nullptr;
    const auto at = object_.find(name);
    if (at == object_.end()) return fail(name, "missing"), nullptr;
    ++taken_;
    return &*at;
  }
  void too_much(std::string_view name, std::uint64_t limit, std::uint64_t actual) {
    if (problem_)
      problem_ = error(errc::limit_exceeded)
                     .with(fact::name, name)
                     .with(fact::kind, what_)
                     .with(fact::limit, limit)
                     .with(fact::actual, actual);
  }

  const json& object_;
  std::string what_;
  std::size_t taken_ = 0;
  result<void> problem_;
};

}  // namespace detail
}  // namespace keywarden
