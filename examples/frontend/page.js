const address = new URLSearchParams(location.search);
const element = document.querySelector('resolution-center');

// Events first: setting getToken starts the element.
element.addEventListener('rc-change', ({ detail }) => {
  document.querySelector('#status').value = detail.orderStatus;
});
element.addEventListener('rc-error', ({ detail }) => {
  document.querySelector('#sign-in').hidden = detail.code !== 'signed_out';
});

element.orderId = address.get('order');
element.getToken = async () => {
  const response = await fetch(`/token?as=${address.get('as') ?? 'client'}`);
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  return await response.text();
};
