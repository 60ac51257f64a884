import { useState } from 'react';
import { createRoot } from 'react-dom/client';

const address = new URLSearchParams(location.search);
const getToken = async () => (await fetch(`/token?as=${address.get('as') ?? 'client'}`)).text();

function OrderPage({ orderId }) {
  const [status, setStatus] = useState('…');
  return (
    <>
      <h1>Your order</h1>
      <p>
        Status: <output>{status}</output>
      </p>
      <resolution-center
        orderId={orderId}
        getToken={getToken}
        onrc-change={(event) => setStatus(event.detail.orderStatus)}
      />
    </>
  );
}

createRoot(document.getElementById('root')).render(<OrderPage orderId={address.get('order')} />);
