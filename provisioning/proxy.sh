# Sourced: gives the machine's proxy settings both of their names, since apt reads only the lower ones and other programs
# only the upper, and lists in `proxied`, separated by commas, those that are set: for sudo, which would drop them.
proxied=
for lower in http_proxy https_proxy no_proxy; do
  upper=${lower^^}
  given=${!lower:-${!upper:-}}
  [[ $given ]] || continue
  export "$lower=${!lower:-$given}" "$upper=${!upper:-$given}"
  proxied+=${proxied:+,}$lower,$upper
done
# The mirror that packages come from goes along.
[[ ! ${LAB_MIRROR:-} ]] || proxied+=${proxied:+,}LAB_MIRROR
unset lower upper given
