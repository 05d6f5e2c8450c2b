// PFX files: only what somebody with the password wrote opens, at a bounded cost, and what opens is
// a key with its certificates. A seed begins with `f` for a whole file, or `p` for the parts behind
// its MAC, which hostile software with the password could have made.

#include <keywarden/pki/pfx.hpp>

#include "fuzz/pfx_files.hpp"
#include "fuzz/property.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

constexpr pki::pfx_limits cheap_limits{
    .size = 16384, .iterations = 300, .certificates = 3, .bags = 12, .nesting = 2};

constexpr std::initializer_list<errc> listed{errc::limit_exceeded,
                                             errc::truncated,
                                             errc::malformed,
                                             errc::unsupported_version,
                                             errc::weaker_than_required,
                                             errc::authentication_failed,
                                             errc::unsupported_suite};

/// What holds of every file that opens.
void check_content(const pki::pfx_content& made) {
  require(made.chain.size() + made.others.size() <= cheap_limits.certificates,
          "the number of certificates is bounded");
  require(made.ignored.size() <= cheap_limits.bags, "the number of bags is bounded");
  require(made.key != nullptr || made.chain.empty(), "a chain is a key's");
  if (!made.chain.empty()) {
    require(made.key->belongs_to(made.chain.front()), "the first certificate is the key's");
    for (std::size_t i = 1; i < made.chain.size(); ++i)
      require(made.chain[i - 1].x509().issuer_dn() == made.chain[i].x509().subject_dn(),
              "each certificate names the next one as its issuer");
  }
  for (const auto& each : made.others)
    require(std::ranges::find(made.chain, each) == made.chain.end(), "no certificate twice");
  const auto own = made.as_identity();
  require(settled(own, {errc::not_found}) == !made.chain.empty(),
          "an identity is a key with its certificate");
}

/// Nobody but the seeds' author knew the password of a whole file.
void check_origin(const pki::pfx_content& made) {
  const auto authority = pfx_authority().botan();
  require(made.key == nullptr ||
              made.key->botan()->subject_public_key() == pfx_holder().botan()->subject_public_key(),
          "the key is the one that was put in");
  for (const auto* each : {&made.chain, &made.others})
    for (const auto& certificate : *each)
      require(certificate.x509().check_signature(*authority), "no certificate was exchanged");
  require(made.friendly_name.empty() || made.friendly_name == "fuzz", "nor was the name");
}

void check_file(bytes_view file, bool by_others) {
  const auto opened = pki::read_pfx(file, pfx_password(), cheap_limits);
  constexpr pki::pfx_without_mac_i_accept_the_risk accepted(
      hazmat::insecure_access::i_know_what_i_do());
  const auto either = pki::read_pfx(file, pfx_password(), accepted, cheap_limits);
  const bool open = settled(opened, listed);
  if (settled(either, listed)) {
    check_content(*either);
    require(either->authenticated == open, "without its MAC a file opens only on demand");
    require(open || opened.error() == errc::weaker_than_required, "and is called weaker");
  } else {
    require(!open, "on demand nothing opens less");
    require(either.error() != errc::weaker_than_required, "on demand no MAC is demanded");
  }
  if (!open) return;
  require(file.size() <= cheap_limits.size, "a file above the limit is refused");
  check_content(*opened);
  if (by_others) check_origin(*opened);

  static const password other("carried other");
  require(!pki::read_pfx(file, other, cheap_limits), "another password opens nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto rest = bytes_view(data, size).subspan(1);
  if (data[0] == 'p')
    check_file(pfx_file_around(rest), false);
  else
    check_file(rest, true);
  return 0;
}
