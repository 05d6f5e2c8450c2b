// JSON from anywhere: bounded, no member twice, every member accounted for.

#include <keywarden/key/strict_json.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;
using detail::json;

namespace {

// Counts what the text says, independently of the value that was made of it.
class counting : public nlohmann::json_sax<json> {
 public:
  std::size_t members = 0;
  int depth = 0;
  int deepest = 0;

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return enter(); }
  bool key(string_t& /*name*/) override { return ++members != 0; }
  bool end_object() override { return --depth >= 0; }
  bool start_array(std::size_t /*size*/) override { return enter(); }
  bool end_array() override { return --depth >= 0; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return false;
  }

 private:
  bool enter() {
    deepest = std::max(deepest, ++depth);
    return true;
  }
};

std::size_t members_of(const json& value) {
  std::size_t count = value.is_object() ? value.size() : 0;
  if (value.is_structured())
    for (const auto& each : value) count += members_of(each);
  return count;
}

void check_reader(const json& value) {
  detail::json_reader read(value, "fuzz");
  const auto text = read.text("text", 8);
  const auto number = read.number("number", 1000);
  static_cast<void>(read.flag("flag"));
  const auto data = read.base64("base64", 16);
  const auto salted = read.hex<salt>("hex");
  const auto& list = read.array("array", 4);
  const auto& object = read.object("object");
  require(text.size() <= 8 && number <= 1000 && data.size() <= 16 && list.size() <= 4,
          "what a reader gives is within the limits");
  const auto finished = read.finish();
  if (!settled(finished, {errc::malformed, errc::limit_exceeded})) return;
  require(value.size() == 7, "a reader that is satisfied has taken every member");
  require(value["text"] == text && value["number"] == number &&
              value["base64"] == to_base64(data) && value["hex"] == to_hex(salted.view()) &&
              value["array"] == list && value["object"] == object,
          "a reader gives what the text says");
}

void check_parsing(bytes_view input, detail::json_limits limits) {
  const auto parsed = detail::parse_json(input, limits);
  if (!settled(parsed, {errc::limit_exceeded, errc::malformed})) return;
  require(input.size() <= limits.size, "a text above the limit is refused");
  counting said;
  require(json::sax_parse(input.begin(), input.end(), &said), "what is accepted is JSON");
  require(said.deepest <= limits.depth + 1, "nesting is bounded");
  require(said.members == members_of(parsed->value), "no member is named twice");
  const auto written = parsed->value.dump();
  const auto again = detail::parse_json(as_bytes(written));
  require(again && again->value == parsed->value, "a value reads back as it was written");
  check_reader(parsed->value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  check_parsing(input, {});
  check_parsing(input, {64, 3});
  return 0;
}
