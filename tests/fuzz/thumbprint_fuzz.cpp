// Thumbprints and networks as people write them: digits count and nothing else does, two readers
// agree, and what was read is written in one spelling.

#include <keywarden/admit/network.hpp>
#include <keywarden/config/thumbprint.hpp>
#include <keywarden/pki/thumbprint.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

/// The ASCII hexadecimal digits of a text, in upper case.
std::string digits_of(std::string_view text) {
  std::string made;
  for (const char each : text)
    if (std::string_view("0123456789ABCDEFabcdef").find(each) != std::string_view::npos)
      made += each >= 'a' ? static_cast<char>(each - 'a' + 'A') : each;
  return made;
}

void check_thumbprint(std::string_view text) {
  const auto read = pki::thumbprint::parse(text);
  const bool good = settled(read, {errc::malformed, errc::limit_exceeded});
  require(good == (pki::thumbprint::check(text) == pki::thumbprint_problem::none),
          "a text is judged alike while compiling");
  const auto configured = config::read_thumbprint(text);
  require(configured.value.has_value() == configured.problem.empty(),
          "a configuration's reader gives a value or a reason");
  if (!good) {
    require(text.size() > pki::thumbprint::max_text || !configured.value,
            "two readers refuse the same");
    return;
  }
  require(read->value.text() == digits_of(text), "a thumbprint is its digits");
  require(pki::size_of(read->value.algorithm()) * 2 == digits_of(text).size(),
          "and their number is its algorithm's");
  const auto plain = pki::thumbprint::parse(read->value.text());
  require(plain && plain->value == read->value && plain->dropped.total() == 0,
          "its own spelling reads back");
  const bool known = read->value.view().size() <= config::thumbprint{}.bytes.size();
  require(known == configured.value.has_value(), "a configuration has SHA-1 and SHA-256");
  if (known) require(configured.value->text().view() == read->value.text(), "two readers agree");
}

void check_list(std::string_view text) {
  const auto list = pki::parse_thumbprints(text);
  if (!settled(list, {errc::malformed, errc::limit_exceeded})) return;
  require(list->entries.size() <= pki::max_thumbprints, "a list is bounded");
  std::string digits;
  for (const auto& each : list->entries) {
    require(std::ranges::count(list->entries, each) == 1, "each entry is there once");
    digits += each.text();
  }
  if (list->repeated.empty()) require(digits == digits_of(text), "no entry is left out");
  for (const auto& each : list->repeated) require(each.first < each.entry, "the first is kept");
}

void check_network(std::string_view text) {
  const auto read = admit::network::parse(text);
  const auto masked = admit::network::parse_masked(text);
  const bool good = settled(read, {errc::malformed, errc::invalid_argument});
  if (settled(masked, {errc::malformed})) {
    require(good ? *read == *masked : read.error() == errc::invalid_argument,
            "only bits after the prefix tell the two readers apart");
    const auto again = admit::network::parse(masked->text());
    require(again && *again == *masked, "a network has one spelling");
    require(masked->contains(masked->base()), "a network has its own address");
  } else {
    require(!good && read.error() == errc::malformed, "nothing is masked that is no network");
  }
  if (good) require(admit::network::read(text) == *read, "it is read alike while compiling");
  const auto address = admit::address::parse(text);
  if (settled(address, {errc::malformed})) {
    const auto again = admit::address::parse(address->text());
    require(again && *again == *address, "an address has one spelling");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text(bytes_view(data, size));
  check_thumbprint(text);
  check_list(text);
  check_network(text);
  return 0;
}
