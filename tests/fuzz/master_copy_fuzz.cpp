// The master scope's copy of a service slot, which nothing authenticates before its record does.

#include <keywarden/protect/slots.hpp>
#include <keywarden/vault/master_copy.hpp>

#include "fuzz/property.hpp"
#include "fuzz/world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto service = service_key();
  static const auto record_key = copied_key();
  const bytes_view input(data, size);
  const bool original = is_original("master_copy", input);
  const auto copy = detail::read_master_copy(input);
  if (!settled(copy, {errc::malformed, errc::limit_exceeded})) {
    require(!original, "a copy that was made is read");
    return 0;
  }
  require(copy->value.is_object(), "a copy holds a slot");
  const auto again = detail::read_master_copy(input);
  require(again && again->value == copy->value, "a copy reads the same each time");

  int candidates = 0;
  const auto found = service.recover(copy->value, protect::detail::context_of(copied_header()),
                                     [&](const secret_key& candidate) -> result<bool> {
                                       ++candidates;
                                       return candidate == record_key;
                                     });
  const bool fits =
      settled(found, {errc::malformed, errc::limit_exceeded, errc::unknown_key}) && *found;
  require(candidates <= 1, "a slot gives one candidate at most");
  require(fits || !original, "a copy that was made gives the record's key");
  if (fits) {
    auto header = copied_header();
    header.slots.push_back({{}, {}, copy->value});
    const auto remade = detail::master_copy(header);
    require(remade && is_original("master_copy", *remade), "no other slot gives the record's key");
  }
  return 0;
}
