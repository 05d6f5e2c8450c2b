// Requests for certificates: only who holds the key asks for it, and an authority grants what its
// policy names and nothing else.

#include <keywarden/pki/certificate_request.hpp>

#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

bool some_of(const std::vector<std::string>& all, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(
      all, [&](const auto& each) { return std::ranges::count(wanted, each) == 1; });
}

void check_request(const pki::certificate_request& made) {
  const auto again = pki::certificate_request::from_der(made.der());
  require(again && again->der() == made.der(), "a request reads back as it was written");
  require(again->public_key() == made.public_key() && again->subject() == made.subject() &&
              again->dns_names() == made.dns_names() &&
              again->ip_addresses() == made.ip_addresses(),
          "and says the same");
  const auto text = pki::read_request(as_bytes(made.pem()));
  require(text && text->der() == made.der(), "PEM carries it whole");

  const pki::request_policy nothing{.own = {"the authority's"}};
  const auto alone = made.under(nothing);
  require(alone && alone->subject == "the authority's" && alone->dns_names.empty() &&
              alone->ip_addresses.empty(),
          "by default nothing but the key is taken over");
  const pki::request_policy some{.own = {""},
                                 .take_subject = true,
                                 .may_have_dns_names = {"a.example.org"},
                                 .may_have_ip_addresses = {"192.0.2.1"}};
  const auto granted = made.under(some);
  require(granted && granted->subject == made.common_name(), "the subject is taken on demand");
  require(some_of(granted->dns_names, {"a.example.org"}) &&
              some_of(granted->ip_addresses, {"192.0.2.1"}),
          "what the policy does not name is not granted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto made = pki::read_request(bytes_view(data, size));
  if (settled(made, {errc::limit_exceeded, errc::malformed, errc::unsupported_suite,
                     errc::authentication_failed}))
    check_request(*made);
  return 0;
}
