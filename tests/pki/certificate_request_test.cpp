// Requests: who proves to have a key gets what the authority grants, and nothing that was asked for
// besides. Also the certificate profiles, as another implementation shows them.
#include <keywarden/pki/certificate_request.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>

#include <keywarden/pki/encryption_certificate.hpp>
#include <keywarden/pki/files.hpp>
#include <keywarden/pki/profiles.hpp>

#include "pki/fixture.hpp"
#include "support/scratch.hpp"

namespace keywarden::pki {
namespace certificate_request_test {

using testing::accepted;
using testing::day;
using testing::noon;
using testing::office_of_certificates;
using testing::refused_as;
using testing::scratch;
using enum certificate_purpose;

/// What a command answers, with its exit status on the last line.
std::string run(const scratch& place, const std::string& command) {
  const auto whole = "cd '" + place.path().string() + "' && (" + command + ") 2>&1; echo $?";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(whole.c_str(), "r"), ::pclose);
  BOOST_REQUIRE(pipe != nullptr);
  std::string said;
  std::array<char, 4096> part{};
  while (const auto got = std::fread(part.data(), 1, part.size(), pipe.get()))
    said.append(part.data(), got);
  return said;
}
bool ran(const std::string& said) { return said.ends_with("\n0\n") || said == "0\n"; }
bool says(std::string_view said, std::string_view what) {
  return said.find(what) != std::string_view::npos;
}
boost::test_tools::assertion_result with_openssl(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result there(ran(run(scratch(), "openssl version")));
  if (!there) there.message() << "the openssl program is not installed";
  return there;
}
void put(const std::filesystem::path& path, bytes_view data) {
  std::ofstream(path, std::ios::binary) << as_text(data);
}
using names = std::vector<std::string>;
names dns_names_of(const certificate& of) {
  names all;
  for (const auto& each : of.x509().subject_alt_name().dns_names()) all.push_back(each.to_string());
  return all;
}
std::string text_of(const certificate& of) {
  const scratch here;
  put(here / "c.cer", of.der());
  return run(here, "openssl x509 -inform DER -in c.cer -noout -text");
}

BOOST_AUTO_TEST_SUITE(certificate_requests)

BOOST_AUTO_TEST_CASE(a_request_says_what_was_asked_for) {
  const auto key = signing_key::generate().value();
  const auto made =
      make_request(key, {"db1", {"b.example.org", "A.example.org"}, {"192.0.2.7", "2001:db8::1"}})
          .value();
  for (const auto& read :
       {read_request(made.der()).value(), read_request(as_bytes(made.pem())).value()}) {
    BOOST_TEST(read.common_name() == "db1");
    BOOST_TEST((read.dns_names() == names{"a.example.org", "b.example.org"}));
    BOOST_TEST((read.ip_addresses() == names{"192.0.2.7", "2001:db8::1"}));
    BOOST_TEST((read.public_key() == key.botan()->subject_public_key()));
    BOOST_TEST(!read.asks_for_authority());
  }
  BOOST_TEST(accepted(make_request(signing_key::generate<ed25519>().value(), {"root"})));
  BOOST_TEST(refused_as(errc::invalid_argument, make_request(key, {""})));
  BOOST_TEST(refused_as(errc::invalid_argument, make_request(key, {"a", {"no host"}})));
}

BOOST_AUTO_TEST_CASE(only_who_has_the_private_key_asks) {
  const auto der =
      make_request(signing_key::generate().value(), {"db1", {"a.example.org"}}).value().der();
  auto altered = der;
  altered.back() ^= 1U;
  BOOST_TEST(refused_as(errc::authentication_failed, read_request(altered)));
  // Another name under the same signature.
  altered = der;
  const auto name = std::ranges::search(altered, std::string_view("db1"));
  BOOST_REQUIRE(!name.empty());
  *name.begin() = 'x';
  BOOST_TEST(refused_as(errc::authentication_failed, read_request(altered)));
  // Another key under the same signature.
  const auto own = Botan::PKCS10_Request(der).raw_public_key();
  const auto other = signing_key::generate().value().botan()->subject_public_key();
  BOOST_REQUIRE(own.size() == other.size());
  altered = der;
  std::ranges::copy(other, std::ranges::search(altered, own).begin());
  BOOST_TEST(refused_as(errc::authentication_failed, read_request(altered)));
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused) {
  const auto der = make_request(signing_key::generate().value(), {"db1"}).value().der();
  for (std::size_t size = 0; size < der.size(); ++size)
    BOOST_TEST(refused_as(errc::malformed, read_request(bytes_view(der).first(size))));
  for (std::size_t at = 0; at < der.size(); ++at) {
    auto altered = der;
    altered[at] ^= 1U;
    BOOST_TEST(!accepted(read_request(altered)), at);
  }
  auto longer = der;
  longer.push_back(0);
  BOOST_TEST(refused_as(errc::malformed, read_request(longer)));
  BOOST_TEST(refused_as(errc::limit_exceeded, read_request(bytes(65537, 0x30))));
  BOOST_TEST(refused_as(errc::limit_exceeded, read_request(bytes(131073, 'a'))));
  const office_of_certificates office;
  BOOST_TEST(refused_as(errc::malformed, read_request(office.root.certificate().der())));
  BOOST_TEST(refused_as(errc::malformed, read_request(as_bytes(office.root.certificate().pem()))));
}

BOOST_AUTO_TEST_CASE(keys_that_no_certificate_is_issued_for_are_refused_before_work) {
  const auto request_of = [](const Botan::Private_Key& key, std::string_view hash = "SHA-256") {
    return Botan::PKCS10_Request::create(key, Botan::X509_DN(), {}, hash, Botan::system_rng())
        .BER_encode();
  };
  const Botan::RSA_PrivateKey weak(Botan::system_rng(), 1024);
  BOOST_TEST(refused_as(errc::unsupported_suite, read_request(request_of(weak))));
  const Botan::ECDSA_PrivateKey other(Botan::system_rng(), Botan::EC_Group::from_name("secp521r1"));
  BOOST_TEST(refused_as(errc::unsupported_suite, read_request(request_of(other))));
  const auto good = signing_key::generate().value();
  BOOST_TEST(refused_as(errc::unsupported_suite, read_request(request_of(*good.botan(), "SHA-1"))));
  BOOST_TEST(accepted(read_request(request_of(*good.botan()))));
}

BOOST_AUTO_TEST_CASE(by_default_the_authority_takes_over_the_key_alone) {
  const office_of_certificates office;
  const auto key = signing_key::generate().value();
  const auto request =
      make_request(key, {"bank", {"bank.example.org", "db1.example.org"}, {"192.0.2.7"}}).value();
  BOOST_TEST(refused_as(errc::invalid_argument, office.below.issue(request, server, {}, noon)));
  const auto issued =
      office.below.issue(request, server, {{"db1", {"own.example.org"}}}, noon).value();
  BOOST_TEST(key.belongs_to(issued));
  BOOST_TEST(issued.common_name() == "db1");
  BOOST_TEST((dns_names_of(issued) == names{"own.example.org"}));
  BOOST_TEST(issued.x509().subject_alt_name().ipv4_addresses().empty());
  BOOST_TEST(accepted(office.judge({issued, office.below.certificate()}, server)));
  BOOST_TEST(!accepted(office.judge({issued, office.below.certificate()}, client)));
}

BOOST_AUTO_TEST_CASE(names_are_granted_that_were_asked_for_and_are_allowed) {
  const office_of_certificates office;
  const auto request = make_request(signing_key::generate().value(),
                                    {"asked",
                                     {"a.example.org", "b.example.org", "*.example.org"},
                                     {"192.0.2.7", "192.0.2.8", "2001:db8::1"}})
                           .value();
  request_policy policy{{"", {"own.example.org"}}, true};
  policy.may_have_dns_names = {"A.Example.ORG", "own.example.org", "c.example.org"};
  policy.may_have_ip_addresses = {"192.0.2.8", "2001:0DB8:0:0:0:0:0:1"};
  const auto issued = office.below.issue(request, client, policy, noon).value();
  BOOST_TEST(issued.common_name() == "asked");
  BOOST_TEST((dns_names_of(issued) == names{"a.example.org", "own.example.org"}));
  BOOST_TEST(issued.x509().subject_alt_name().ipv4_addresses().size() == 1U);
  BOOST_TEST(issued.x509().subject_alt_name().ipv6_addresses().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_subject_that_is_taken_over_is_still_judged) {
  const office_of_certificates office;
  const auto key = signing_key::generate().value();
  for (const std::string_view wrong : {"", "a\nb"}) {
    Botan::X509_DN name;
    if (!wrong.empty()) name.add_attribute("X520.CommonName", wrong);
    const auto der =
        Botan::PKCS10_Request::create(*key.botan(), name, {}, "SHA-256", Botan::system_rng())
            .BER_encode();
    BOOST_TEST(refused_as(errc::invalid_argument,
                          office.below.issue(read_request(der).value(), client, {{}, true}, noon)));
  }
}

BOOST_AUTO_TEST_CASE(no_extension_that_was_asked_for_is_granted) {
  namespace extension = Botan::Cert_Extension;
  const office_of_certificates office;
  const auto key = signing_key::generate().value();
  Botan::X509_DN name;
  name.add_attribute("X520.CommonName", "mallory");
  Botan::Extensions wishes;
  wishes.add(std::make_unique<extension::Basic_Constraints>(true, 5), true);
  wishes.add(std::make_unique<extension::Key_Usage>(Botan::Key_Constraints::ca_constraints()),
             true);
  wishes.add(std::make_unique<extension::Extended_Key_Usage>(
      std::vector{Botan::OID::from_string("PKIX.ServerAuth"), Botan::OID{2, 5, 29, 37, 0}}));
  const auto request = read_request(Botan::PKCS10_Request::create(*key.botan(), name, wishes,
                                                                  "SHA-256", Botan::system_rng())
                                        .BER_encode())
                           .value();
  BOOST_TEST(request.asks_for_authority());
  const auto issued = office.below.issue(request, client, {{}, true}, noon).value();
  BOOST_TEST(!issued.is_authority());
  BOOST_TEST((issued.x509().constraints() ==
              Botan::Key_Constraints(Botan::Key_Constraints::DigitalSignature)));
  BOOST_TEST((issued.x509().extended_key_usage() ==
              std::vector{Botan::OID::from_string("PKIX.ClientAuth")}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(certificate_requests_with_openssl,
                      *boost::unit_test::precondition(with_openssl))

BOOST_AUTO_TEST_CASE(it_verifies_and_shows_our_requests) {
  const scratch here;
  const auto check = [&](const signing_key& key) {
    const auto made = make_request(key, {"db1", {"*.example.org"}, {"192.0.2.7"}}).value();
    put(here / "r.pem", as_bytes(made.pem()));
    put(here / "r.der", made.der());
    const auto said = run(here, "openssl req -in r.pem -verify -noout -text");
    BOOST_TEST(ran(said), said);
    for (const auto* each : {"verify OK", "Subject: CN = db1", "DNS:*.example.org", "192.0.2.7"})
      BOOST_TEST(says(said, each), said);
    BOOST_TEST(ran(run(here, "openssl req -inform DER -in r.der -verify -noout")));
  };
  check(signing_key::generate<ecdsa_p256>().value());
  check(signing_key::generate<ecdsa_p384>().value());
  check(signing_key::generate<rsa<>>().value());
}

BOOST_AUTO_TEST_CASE(we_issue_for_its_requests_and_it_verifies_the_certificates) {
  const office_of_certificates office;
  for (const std::string kind : {"-newkey rsa:2048", "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384",
                                 "-newkey rsa:2048 -sigopt rsa_padding_mode:pss"}) {
    const scratch here;
    const auto said =
        run(here, "openssl req -new " + kind +
                      " -nodes -keyout k.pem -out r.pem -subj '/O=x/CN=client 1' -addext "
                      "subjectAltName=DNS:a.example.org,email:me@example.org -addext "
                      "basicConstraints=critical,CA:TRUE");
    BOOST_REQUIRE_MESSAGE(ran(said), said);
    const auto request = read_request(read_file(here / "r.pem", 65536).value());
    BOOST_REQUIRE(accepted(request));
    BOOST_TEST(request->common_name() == "client 1");
    BOOST_TEST((request->dns_names() == names{"a.example.org"}));
    BOOST_TEST(request->asks_for_authority());
    const auto issued = office.below.issue(*request, client, {{}, true}, noon).value();
    put(here / "root.pem", as_bytes(office.root.certificate().pem()));
    put(here / "below.pem", as_bytes(office.below.certificate().pem()));
    put(here / "leaf.pem", as_bytes(issued.pem()));
    const std::string verify =
        "openssl verify -attime 1772400000 -CAfile root.pem -untrusted below.pem -purpose ";
    BOOST_TEST(says(run(here, verify + "sslclient leaf.pem"), "leaf.pem: OK"));
    BOOST_TEST(!ran(run(here, verify + "sslserver leaf.pem")));
    const auto text = run(here, "openssl x509 -in leaf.pem -noout -text");
    BOOST_TEST(says(text, "CA:FALSE"));
    BOOST_TEST(!says(text, "example.org"));
  }
}

BOOST_AUTO_TEST_CASE(profiles_say_what_they_are_for_and_nothing_else) {
  const auto each_key = [](const signing_key& key, std::string_view shown) {
    auto options =
        options_for_hosts(parse_common_names("CN=one.example.org, CN=*.example.org").value());
    options.expiry = noon + 100 * day;
    const auto service = text_of(make_server_certificate(key, options, noon).value());
    for (const auto* each :
         {"Subject: CN = one.example.org\n", "CA:FALSE", "TLS Web Server Authentication\n",
          "DNS:*.example.org, DNS:one.example.org", "Digital Signature\n",
          "Not After : Jun  9 12:00:00 2026 GMT"})
      BOOST_TEST(says(service, each), service);
    BOOST_TEST(says(service, shown), service);
    BOOST_TEST(!says(service, "Client Authentication"));

    const office_of_certificates office;
    const auto person = text_of(office.root.issue({"My ID"}, key, client, noon).value());
    BOOST_TEST(says(person, "TLS Web Client Authentication\n"), person);
    BOOST_TEST(says(person, "Subject: CN = My ID\n"));
    BOOST_TEST(!says(person, "Server Authentication"));

    const auto encryption = text_of(make_encryption_certificate(key, {"encryption"}, noon).value());
    BOOST_TEST(
        says(encryption, key.algorithm() == "RSA" ? "Key Encipherment\n" : "Key Agreement\n"));
    BOOST_TEST(!says(encryption, "TLS Web"));
    BOOST_TEST(!says(encryption, "Digital Signature"));
  };
  each_key(signing_key::generate<rsa<2048>>().value(), "Public-Key: (2048 bit)");
  each_key(signing_key::generate<ecdsa_p256>().value(), "ASN1 OID: prime256v1");
  const auto own = text_of(authority::make_root<rsa<2048>>({"MyCA"}, noon).value().certificate());
  for (const auto* each : {"CA:TRUE, pathlen:1", "Certificate Sign, CRL Sign", "Subject: CN = MyCA",
                           "Issuer: CN = MyCA", "sha256WithRSAEncryption"})
    BOOST_TEST(says(own, each), own);
  BOOST_TEST(!says(own, "Extended Key Usage"));
}

BOOST_AUTO_TEST_CASE(subjects_that_are_no_common_names_are_refused) {
  BOOST_TEST((parse_common_names(" CN=a ,cn= b").value() == names{"a", "b"}));
  for (const std::string_view wrong :
       {"", "a", "CN=", "CN=a,", "CN=a,,CN=b", "CN=a,O=b", "CN=a=b", "CN=\"a", "CN=a+CN=b"})
    BOOST_TEST(refused_as(errc::malformed, parse_common_names(wrong)), wrong);
  std::string many = "CN=a";
  for (int i = 0; i < 256; ++i) many += ",CN=a";
  BOOST_TEST(refused_as(errc::limit_exceeded, parse_common_names(many)));
  const auto key = signing_key::generate().value();
  BOOST_TEST(refused_as(errc::invalid_argument,
                        make_server_certificate(key, options_for_hosts({}), noon)));
  BOOST_TEST(refused_as(errc::invalid_argument,
                        make_server_certificate(key, options_for_hosts({"a.*.org"}), noon)));
  BOOST_TEST(refused_as(errc::unsupported_suite,
                        make_server_certificate(signing_key::generate<ed25519>().value(),
                                                options_for_hosts({"a"}), noon)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace certificate_request_test

}  // namespace keywarden::pki
