// The journal of a file store, as a power cut or a bad disk may have left it.

#include <keywarden/store/journal.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;
namespace journal = keywarden::store::detail;

namespace {

bool check(bytes_view input) {
  const auto steps = journal::decode_journal(input);
  if (!settled(steps, {errc::store_corrupt})) return false;
  require(steps->size() <= journal::max_journal_steps && steps->size() <= input.size(),
          "a journal's steps are bounded");
  for (const auto& each : *steps)
    require(record_name::parse(each.name.text()).has_value(), "a journal names records only");
  const auto written = journal::encode_journal(*steps);
  require(written && std::ranges::equal(*written, input), "a journal has one spelling");
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bytes_view input(data, size);
  const bool whole = check(input);

  // The same with a checksum that fits, so that what lies behind it is reached.
  auto body = to_bytes(input.first(input.size() - std::min(input.size(), sizeof(journal::digest))));
  append(body, journal::digest_of(body).value());
  check(body);
  if (whole) {
    require(std::ranges::equal(body, input), "an accepted journal has the checksum that fits");
    for (const auto at : {std::size_t{0}, size / 2, size - 1}) {
      auto altered = to_bytes(input);
      altered[at] ^= 1U;
      require(!check(altered), "an altered journal is refused");
    }
  }
  return 0;
}
