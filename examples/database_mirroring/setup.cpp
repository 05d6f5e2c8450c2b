// How to allow database mirroring to use certificates, in the document's own order: every instance
// for outbound connections, then every instance for inbound ones.
#include <keywarden/endpoint/setup.hpp>

#include <map>
#include <string>
#include <string_view>

#include "composition.hpp"
#include "program.hpp"
#include "replica.hpp"

namespace mirroring {
namespace {

/// What people pass on: the certificate's file, and over another channel its fingerprint.
struct exchanged {
  std::filesystem::path file;
  kw::pki::fingerprint read_out;
};
using exchange = std::map<std::string_view, exchanged>;

template <class Instance>
kw::object_name called(const char* what) {
  return kw::object_name::parse(std::string(Instance::name) + what).value();
}
template <class Instance>
void step(const std::string& text) {
  say("  " + std::string(Instance::name) + ": " + text);
}

/// The vault is made where there is none; from then on the account or the machine opens it.
vault make_vault(const home& at) {
  std::filesystem::create_directories(at.path());
  std::filesystem::permissions(at.path(), std::filesystem::perms::owner_all);
  return vault::open_or_create(records_of(at), opens(at)).value();
}

//[outbound
template <class Self>
auto configure_outbound(const vault& in, kw::listener_address address, kw::endpoint_role role,
                        const std::filesystem::path& file) {
  step<Self>("1. in the master database, create a database master key");
  // Only for the day when account and machine are both lost; a person would choose it.
  const kw::password protection("Kept in 1 safe place");
  const auto keyed = kw::set_up_endpoint<session, Self>(in).create_master_key(protection).value();

  step<Self>("2. create an encrypted certificate on the server instance");
  const auto certified =
      keyed
          .create_certificate(called<Self>("_cert"),
                              {.subject = std::string(Self::name) + " certificate"})
          .value();

  step<Self>("3. create an endpoint for the server instance using its certificate");
  const auto created = certified
                           .create_endpoint({.name = "Endpoint_Mirroring",
                                             .listener = address,
                                             .role = role,
                                             .owner = "administrator"})
                           .value();

  step<Self>("4. back up the certificate to a file and copy it to the other systems");
  return created.export_certificate(file).value();
}
//]

//[inbound
template <class Peer, class Self, class Step>
auto configure_inbound(const Step& configured, const exchange& with) {
  const auto& [file, read_out] = with.at(Peer::name);
  step<Self>("1. create a login for " + std::string(Peer::name));
  const auto login =
      configured.template configure_inbound<Peer>().create_login(called<Peer>("_login")).value();

  step<Self>("2. create a user for that login");
  const auto user = login.create_user(called<Peer>("_user")).value();

  step<Self>("3. obtain its certificate, comparing the fingerprint");
  const auto obtained = user.obtain_certificate(file, read_out).value();

  step<Self>("4. associate the certificate with the user");
  const auto associated = obtained.associate_certificate(called<Peer>("_cert")).value();

  step<Self>("5. grant CONNECT on the endpoint to the login");
  return associated.grant_connect().value();
}

/// The inbound connections of both others; without either, `start` would not compile.
template <class Self, class First, class Second, class Step>
void let_in(const Step& outbound, const exchange& with) {
  const auto one = configure_inbound<First, Self>(outbound, with);
  const auto both = configure_inbound<Second, Self>(one, with);
  static_cast<void>(both.start().value());
  step<Self>("the endpoint is started");
}
//]

template <class Instance, class Step>
void pass_on(const Step& of, const std::filesystem::path& file, exchange& to) {
  say(of.exchange_text());
  to.emplace(Instance::name, exchanged{file, of.certificate().fingerprint()});
}

kw::listener_address at_port(std::uint16_t port) {
  return kw::listener_address::on(port, kw::admit::address("127.0.0.1")).value();
}

/// The empty database, or record; what it had before an interruption is nothing. The addresses come
/// last: where they are, all of it is there.
void make_database(node which, const home& of, const addresses& where) {
  if (has_addresses(of)) return;
  std::filesystem::remove(of.database());
  if (which == node::witness)
    ballot_record::create(of.database());
  else
    replica::create(of.database());
  write_addresses(of, where);
}

}  // namespace

void set_up(const std::filesystem::path& folder, std::uint16_t first_port) {
  const auto port = [&](int which) { return static_cast<std::uint16_t>(first_port + which); };
  const addresses where{port(0), port(1), port(2)};
  const auto copies = folder / "exchange";
  std::filesystem::create_directories(copies);
  const auto file = [&](std::string_view of) { return copies / (std::string(of) + "_cert.cer"); };
  const auto vault_a = make_vault(home(folder, node::host_a));
  const auto vault_b = make_vault(home(folder, node::host_b));
  const auto vault_w = make_vault(home(folder, node::witness));
  constexpr auto partner = kw::endpoint_role::partner;
  constexpr auto witness = kw::endpoint_role::witness;

  say("Configuring outbound connections");
  const auto a =
      configure_outbound<host_a>(vault_a, at_port(where[0]), partner, file(host_a::name));
  const auto b =
      configure_outbound<host_b>(vault_b, at_port(where[1]), partner, file(host_b::name));
  const auto w =
      configure_outbound<host_w>(vault_w, at_port(where[2]), witness, file(host_w::name));

  say("The files are copied, and people read the fingerprints to each other");
  exchange with;
  pass_on<host_a>(a, file(host_a::name), with);
  pass_on<host_b>(b, file(host_b::name), with);
  pass_on<host_w>(w, file(host_w::name), with);

  say("Configuring inbound connections");
  let_in<host_a, host_b, host_w>(a, with);
  let_in<host_b, host_a, host_w>(b, with);
  let_in<host_w, host_a, host_b>(w, with);
  for (const auto which : nodes) make_database(which, home(folder, which), where);
}

}  // namespace mirroring
