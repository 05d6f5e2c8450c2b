// Hexadecimal, Base64 and names: one spelling for each value.

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/name.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

constexpr std::string_view hex_alphabet = "0123456789abcdef";
constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

bool only(std::string_view text, std::string_view alphabet) {
  return text.find_first_not_of(alphabet) == std::string_view::npos;
}

void check_text(std::string_view text) {
  const auto hex = from_hex(text);
  const bool is_hex = text.size() % 2 == 0 && only(text, hex_alphabet);
  require(settled(hex, {errc::malformed}) == is_hex, "lower-case digits in pairs are hexadecimal");
  if (hex) require(to_hex(*hex) == text, "hexadecimal has one spelling");
  const auto strong = strong_from_hex<salt>(text);
  require(settled(strong, {errc::malformed}) == (is_hex && text.size() == 2 * salt::size),
          "a salt has its own length");

  const auto base64 = from_base64(text);
  if (settled(base64, {errc::malformed})) {
    require(text.size() % 4 == 0 && only(text, base64_alphabet), "Base64 is strict");
    require(base64->size() <= text.size() / 4 * 3, "Base64 is as long as it should be");
    require(to_base64(*base64) == text, "Base64 has one spelling");
  }

  const auto name = record_name::parse(text);
  if (settled(name, {errc::invalid_name})) {
    require(name->text() == text && text.size() <= record_name::max_size,
            "a name is kept as it is");
    require(text.front() != '/' && text.back() != '/' && text.front() != '.' &&
                text.find("//") == std::string_view::npos &&
                text.find("/.") == std::string_view::npos,
            "a name leads nowhere else");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  check_text(as_text(input));
  const auto hex = from_hex(to_hex(input));
  require(hex && std::ranges::equal(*hex, input), "bytes survive hexadecimal");
  const auto base64 = from_base64(to_base64(input));
  require(base64 && std::ranges::equal(*base64, input), "bytes survive Base64");
  return 0;
}
